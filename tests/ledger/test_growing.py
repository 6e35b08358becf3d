"""A growing tree has the root of the whole one at every size."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.ledger.growing import Growing
from grace.ledger.merkle import root
from grace.ledger.tiles import MemoryTiles, grow, peaks

LEAVES = [hashlib.sha256(bytes([number % 256, number // 256])).digest() for number in range(1200)]


@given(st.lists(st.integers(0, 700), max_size=5))
def test_its_root_is_that_of_all_leaves(steps: list[int]) -> None:
    """However many come at a time."""
    tree, size = Growing(), 0
    for step in steps:
        tree.extend(LEAVES[size : size + step])
        size = min(size + step, len(LEAVES))
        assert (tree.size, tree.root()) == (size, root(LEAVES[:size]))


@pytest.mark.parametrize("begun", [0, 1, 255, 256, 300, 1024])
def test_it_goes_on_from_the_peaks_of_stored_tiles(begun: int) -> None:
    """Without any leaf of before."""
    tiles = MemoryTiles()
    grow(tiles, 0, LEAVES)
    tree = Growing(begun, peaks(tiles, begun))
    tree.extend(LEAVES[begun:])
    assert tree.root() == root(LEAVES)


def test_peaks_of_another_size_are_refused() -> None:
    """There are as many as the size has ones, of 32 bytes each."""
    with pytest.raises(ValueError, match="not the peaks of 3"):
        Growing(3, [bytes(32)])
