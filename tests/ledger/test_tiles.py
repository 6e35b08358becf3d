"""The tree in tiles is the tree: roots and proofs are those of the plain list of leaves."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.errors import LedgerBroken
from grace.ledger import merkle, tiles
from grace.ledger.tiles import MemoryTiles, grow, hashes_of

SIZES = (0, 1, 2, 255, 256, 257, 511, 512, 513, 700)
LEAVES = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(70_000)]


def _tree(size: int) -> MemoryTiles:
    tree = MemoryTiles()
    assert grow(tree, 0, LEAVES[:size]) == size
    return tree


class Counting(MemoryTiles):
    """Tiles that count how often they are asked for."""

    def __init__(self, held: MemoryTiles) -> None:
        super().__init__()
        self.held = held.held
        self.reads: list[tuple[int, int]] = []

    def get(self, level: int, tile: int) -> bytes | None:
        self.reads.append((level, tile))
        return super().get(level, tile)


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_the_leaves(size: int) -> None:
    """At every size around the borders of tiles, and of every smaller tree in it."""
    tree = _tree(size)
    for smaller in {*SIZES, size - 1}:
        if 0 <= smaller <= size:
            assert tiles.root(tree, smaller) == merkle.root(LEAVES[:smaller])


@given(st.lists(st.integers(0, 300), max_size=6))
def test_growing_by_any_steps_gives_the_same_tiles(steps: list[int]) -> None:
    """However the leaves are dealt out to transactions."""
    tree, size = MemoryTiles(), 0
    for step in steps:
        size = grow(tree, size, LEAVES[size : size + step])
    assert tree.held == _tree(sum(steps)).held


def test_tiles_are_laid_out_as_tlog_tiles_says() -> None:
    """Level 0 holds leaves, level 1 the roots of full tiles of level 0 (c2sp.org/tlog-tiles)."""
    held = _tree(700).held
    assert sorted(held) == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert hashes_of(held[0, 2]) == LEAVES[512:700]
    assert hashes_of(held[1, 0]) == [merkle.root(LEAVES[:256]), merkle.root(LEAVES[256:512])]


@pytest.mark.slow
def test_three_levels() -> None:
    """Above 65,536 leaves a tile of level 2 begins."""
    tree = _tree(70_000)
    assert hashes_of(tree.held[2, 0]) == [merkle.root(LEAVES[:65_536])]
    assert tiles.root(tree, 70_000) == merkle.root(LEAVES)
    proof = tiles.inclusion_proof(tree, 70_000, 12_345)
    assert proof == merkle.inclusion_proof(merkle.span(LEAVES), 70_000, 12_345)


@given(data=st.data())
def test_proofs_are_those_of_the_plain_tree(data: st.DataObject) -> None:
    """Inclusion and consistency, across the borders of tiles."""
    size = data.draw(st.integers(1, 700))
    index = data.draw(st.integers(0, size - 1))
    tree, plain = _tree(size), merkle.span(LEAVES[:size])
    inclusion = tiles.inclusion_proof(tree, size, index)
    assert inclusion == merkle.inclusion_proof(plain, size, index)
    assert merkle.verify_inclusion(LEAVES[index], index, size, inclusion, tiles.root(tree, size))
    assert tiles.leaf(tree, index) == LEAVES[index]
    consistency = tiles.consistency_proof(tree, index, size)
    assert consistency == merkle.consistency_proof(plain, index, size)


def test_a_proof_reads_each_tile_once() -> None:
    """Proofs in large logs are cheap because of it."""
    tree = Counting(_tree(700))
    tiles.inclusion_proof(tree, 700, 300)
    assert len(tree.reads) == len(set(tree.reads)) <= 4


def test_growing_reads_the_last_tile_of_a_level_at_most() -> None:
    """Appending costs nothing that grows with the log."""
    tree = Counting(_tree(700))
    grow(tree, 700, LEAVES[700:800])
    assert sorted(tree.reads) == [(0, 2), (1, 0)]


@pytest.mark.parametrize(("missing", "size"), [((0, 0), 255), ((0, 2), 700), ((1, 0), 700)])
def test_a_missing_tile_is_told(missing: tuple[int, int], size: int) -> None:
    """Never taken for an empty one."""
    tree = _tree(700)
    del tree.held[missing]
    with pytest.raises(LedgerBroken, match=f"tile {missing[1]} of level {missing[0]}"):
        tiles.root(tree, size)
