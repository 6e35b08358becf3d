"""The verifier that stands alone says what the ledger says: two writings of one thing agree."""

import hashlib

import pytest

from grace import verifier
from grace.ledger import merkle
from grace.states import STATES, TRANSITIONS
from grace.store.schema import LOGS

LEAVES = [merkle.leaf_hash(str(number).encode()) for number in range(40)]


@pytest.mark.parametrize("table", verifier.COLUMNS)
def test_it_knows_the_columns_of_the_log(table: str) -> None:
    """Names, kinds and order are those that a row's digest covers; so is what an erasure keeps."""
    kinds = {name: kind or "text" for name, kind in verifier._kinds(table).items()}
    assert list(kinds.items()) == list(LOGS[table].kinds.items())
    assert (verifier.KEYS[table],) == LOGS[table].key


def test_it_knows_the_life_of_a_proposal() -> None:
    """The table of states, and that every proposal begins as proposed."""
    assert {s: verifier.FOLLOWS.get(s, set()) for s in STATES} == {
        s: set(TRANSITIONS[s]) for s in STATES
    }
    assert verifier.FOLLOWS[None] == {"proposed"}


def test_it_finds_every_leaf_of_every_tree_and_no_other() -> None:
    """RFC 9162 section 2.1.3: all indices of all sizes up to forty; a changed hash fails."""
    for size in range(1, len(LEAVES) + 1):
        leaves = LEAVES[:size]
        root = merkle.root(leaves)
        for index, leaf in enumerate(leaves):
            path = merkle.inclusion_proof(merkle.span(leaves), size, index)
            assert verifier._root_above(leaf, index, size, path) == root
            assert verifier._root_above(leaf, index, size, [*path, root]) != root
            if path:
                spoilt = [hashlib.sha256(path[0]).digest(), *path[1:]]
                assert verifier._root_above(leaf, index, size, spoilt) != root
                assert verifier._root_above(leaf, index, size, path[:-1]) != root


def test_it_knows_whether_one_tree_begins_with_another() -> None:
    """RFC 9162 section 2.1.4: every pair of sizes up to forty; against another root it fails."""
    roots = [merkle.root(LEAVES[:size]) for size in range(len(LEAVES) + 1)]
    other = hashlib.sha256(b"other").digest()
    for new in range(1, len(LEAVES) + 1):
        span = merkle.span(LEAVES[:new])
        for old in range(new + 1):
            path = merkle.consistency_proof(span, old, new)
            assert verifier._extends(old, new, path, roots[old], roots[new])
            assert not verifier._extends(old, new, path, other, roots[new])
            assert not verifier._extends(old, new, [*path, other], roots[old], roots[new])
            if 0 < old < new:
                assert not verifier._extends(old, new, path, roots[old], other)
