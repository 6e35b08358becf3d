"""Checking a whole log: rows against leaves, leaves against tiles, tree against checkpoints."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grace.files import read_text
from grace.ledger.note import VerifierKey
from grace.notary.claims import Claims
from grace.notary.comparison import Comparison, compare
from grace.notary.explaining import explain
from grace.notary.findings import (
    Finding,
    Kind,
    cut_short,
    is_cut_tile,
    of_head,
    of_signatures,
    of_tree,
)
from grace.notary.keys import public_key
from grace.notary.layout import log_rows, redefined
from grace.notary.rows import LogRows
from grace.notary.stored import Stored, stored_bytes, unreadable
from grace.notary.tally import all_fit
from grace.notary.tree import Tree, examine
from grace.settings import Settings
from grace.store import Store

__all__ = ["Verification", "verify"]


@dataclass(frozen=True)
class Verification:
    """What a check of the log found.

    `size` counts the rows found, `root` is their root in base64 as in a checkpoint (None where
    the tree has another size), and `signed_size` the largest size signed by this log's key: rows
    from there on are not signed yet. Where not `ok`, `kind` tells what was done,
    `first_bad_index` where it begins (None where no row is concerned), and `reason` is one line
    for people.
    """

    ok: bool
    size: int
    root: str | None
    signed_size: int
    first_bad_index: int | None = None
    reason: str | None = None
    kind: Kind | None = None


def verify(
    settings: Settings,
    store: Store,
    *,
    key: VerifierKey | None = None,
    checkpoint: Path | None = None,
) -> Verification:
    """Check everything in one snapshot of the database.

    `key` is the one to trust where it is not the public key kept beside the log, `checkpoint` an
    outside checkpoint other than the log's own. Raises BadInput where the log is signed and no
    key is to be had.
    """
    # before the snapshot: a signer at work makes the outside checkpoint newer, never the database
    outside = read_text(checkpoint or settings.checkpoint_file)
    claims = Claims(key or public_key(settings), outside)
    try:
        with store.reading() as connection, stored_bytes(connection) as raw:
            return _Check(raw, claims).run()
    except unreadable() as problem:
        reason = f"the database cannot be read whole: {problem.args[0]}"
        return Verification(False, 0, None, 0, reason=reason, kind="unreadable")


class _Check:
    """One verification, on one snapshot."""

    def __init__(self, raw: Stored, claims: Claims) -> None:
        self.raw = raw
        self.claims = claims
        self.tables: Sequence[LogRows] = log_rows()

    def run(self) -> Verification:
        if problem := redefined(self.raw):
            return Verification(False, 0, None, 0, reason=problem, kind="schema")
        tree = examine(self.raw, self.claims.read(self.raw))
        head = self._head()
        whole = tree.damage is None and tree.size == head
        found = None
        if not (whole and all_fit(self.raw, self.tables, tree.size)):
            rows = compare(self.raw, self.tables, tree.size)
            found = self._amiss(tree, head, rows)
        found = found or of_signatures(tree) or self._spoilt()
        return _verification(tree, self._foreign(found) or found)

    def _head(self) -> object:
        size, count = self.raw.execute("SELECT max(size), count(*) FROM ledger_head").fetchone()
        return size if count == 1 else None

    def _amiss(self, tree: Tree, head: object, rows: Comparison) -> Finding | None:
        if rows.fits:
            return of_tree(tree) or of_head(tree, head)
        if is_cut_tile(tree, head, rows):
            return Finding("tile", tree.size, f"the tree has no leaf from index {tree.size} on")
        if rows.only_lacks_its_tail and rows.missing == head:
            return cut_short(rows.count, tree)
        if not tree.sound and self._rows_mend(rows):
            return Finding("tile", rows.first, f"the leaf at index {rows.first} was changed")
        return explain(self.raw, self.tables, rows)

    def _rows_mend(self, rows: Comparison) -> bool:
        """Whether the tree is sound with the rows' own leaves: then its tiles are to blame."""
        leaves = {index: leaf for index, leaf in rows.wrong.items() if leaf is not None}
        if not leaves or len(leaves) < len(rows.wrong) or rows.first not in leaves:
            return False
        return examine(self.raw, self.claims.read(self.raw), leaves).sound

    def _foreign(self, found: Finding | None) -> Finding | None:
        """A checkpoint that another key signed comes first: whatever else is wrong, it is why."""
        ours, foreign = self.claims.key, self.claims.foreign
        if ours is None or foreign is None:
            return None
        index = None if found is None else found.index
        reason = (
            f"the key was swapped: {foreign.where} is signed by key {foreign.signer}, where "
            f"{ours.name}+{ours.key_id} is trusted"
        )
        return Finding("swapped_key", index, reason)

    def _spoilt(self) -> Finding | None:
        damaged = self.claims.damaged
        return Finding("checkpoint", None, damaged) if damaged else None


def _verification(tree: Tree, found: Finding | None) -> Verification:
    root = b64encode(tree.root).decode()
    if found is None:
        return Verification(True, tree.size, root, tree.signed)
    size = found.index if found.kind == "truncated" and found.index is not None else tree.size
    return Verification(
        ok=False,
        size=size,
        root=root if size == tree.size else None,
        signed_size=tree.signed,
        first_bad_index=found.index,
        reason=found.reason,
        kind=found.kind,
    )
