"""What can have been done to a log, told apart by what it leaves behind."""

from dataclasses import dataclass
from typing import Literal

from grace.notary.comparison import Comparison
from grace.notary.tree import Tree

__all__ = [
    "Finding",
    "Kind",
    "cut_short",
    "is_cut_tile",
    "of_head",
    "of_signatures",
    "of_tree",
]

Kind = Literal[
    "edited",
    "deleted",
    "inserted",
    "reordered",
    "truncated",
    "recomputed",
    "swapped_key",
    "restored",
    "tile",
    "head",
    "checkpoint",
    "schema",
    "unreadable",
]


@dataclass(frozen=True)
class Finding:
    """What is wrong: `index` is the first bad one, None where no row is concerned."""

    kind: Kind
    index: int | None
    reason: str


def of_tree(tree: Tree) -> Finding | None:
    """Of tiles that do not fit one another, where all rows fit their leaves."""
    damage = tree.damage
    if damage is None or (damage.index >= tree.size and tree.exceeded):
        return None
    if tree.fails is None:
        return Finding("tile", damage.index, damage.reason)
    return _recomputed(max(tree.holds, damage.index), tree)


def of_signatures(tree: Tree) -> Finding | None:
    """Of checkpoints that say something else than a tree whose rows, leaves and tiles agree."""
    if tree.fails is not None:
        return _recomputed(tree.holds, tree)
    if tree.beyond_stored is not None:
        return cut_short(tree.size, tree)
    if tree.beyond_outside is not None:
        outside = tree.beyond_outside.checkpoint.size
        return Finding(
            "restored",
            tree.size,
            f"an old copy was restored: {tree.size} rows found, the newer outside checkpoint "
            f"signs {outside}",
        )
    return None


def of_head(tree: Tree, head: object) -> Finding | None:
    if head == tree.size or tree.exceeded or not tree.sound:
        return None
    index = min(head, tree.size) if isinstance(head, int) else tree.size
    return Finding("head", index, f"the head says {head!r} rows, the tree has {tree.size}")


def cut_short(size: int, tree: Tree) -> Finding:
    return Finding(
        "truncated", size, f"the log was cut short: {size} rows found, {tree.signed} signed"
    )


def is_cut_tile(tree: Tree, head: object, rows: Comparison) -> bool:
    """Whether rows and head go on together where the tree ends, though more was there of it."""
    go_on = rows.first == rows.beyond_low == tree.size
    together = head == tree.size + rows.beyond and rows.beyond_high == tree.size + rows.beyond - 1
    return go_on and together and (tree.damage is not None or tree.exceeded)


def _recomputed(first: int, tree: Tree) -> Finding:
    """Where one key contradicts itself it is stolen, and no checkpoint of its tells a beginning."""
    assert tree.fails is not None
    where, size = tree.fails.where, tree.fails.checkpoint.size
    if tree.denied:
        first, known = 0, f"key {tree.fails.signer} has signed two histories"
    else:
        known = f"the tree is the signed one up to {tree.holds} rows and is not at {size}"
    return Finding(
        "recomputed",
        first,
        f"rows were changed and their hashes recomputed: {known} ({where}); the first bad index "
        f"is in {first} to {max(size - 1, first)}",
    )
