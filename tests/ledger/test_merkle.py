"""The tree against published vectors, and its proofs against everything else.

The vectors are those of the Certificate Transparency reference implementation
(github.com/google/certificate-transparency, merkle_tree_test.cc), which other implementations of
RFC 6962 and RFC 9162 test with as well.
"""

from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.ledger.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    span,
    verify_consistency,
    verify_inclusion,
)

ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
NODES = {
    "1": "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "23": "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "4": "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "45": "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "67": "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "4567": "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
}
INCLUSION = (
    (0, 8, [NODES["1"], NODES["23"], NODES["4567"]]),
    (5, 8, [NODES["4"], NODES["67"], ROOTS[4]]),
    (2, 3, [ROOTS[2]]),
    (1, 5, [ROOTS[1], NODES["23"], NODES["4"]]),
)
CONSISTENCY = (
    (1, 1, []),
    (1, 8, [NODES["1"], NODES["23"], NODES["4567"]]),
    (6, 8, [NODES["45"], NODES["67"], ROOTS[4]]),
    (2, 5, [NODES["23"], NODES["4"]]),
)
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def _leaves(size: int) -> list[bytes]:
    return [leaf_hash(bytes([number % 256, number // 256])) for number in range(size)]


def _hex(proof: list[bytes]) -> list[str]:
    return [hash.hex() for hash in proof]


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    """RFC 6962 section 2.1."""
    assert root(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_published_inclusion_proofs(index: int, size: int, proof: list[str]) -> None:
    """RFC 9162 section 2.1.3."""
    assert _hex(inclusion_proof(span(LEAVES), size, index)) == proof
    hashes = [bytes.fromhex(hash) for hash in proof]
    assert verify_inclusion(LEAVES[index], index, size, hashes, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCY)
def test_published_consistency_proofs(old: int, new: int, proof: list[str]) -> None:
    """RFC 9162 section 2.1.4."""
    assert _hex(consistency_proof(span(LEAVES), old, new)) == proof
    hashes = [bytes.fromhex(hash) for hash in proof]
    roots = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new])
    assert verify_consistency(old, new, hashes, *roots)


def test_a_leaf_is_never_a_node() -> None:
    """The prefixes keep an entry that looks like two hashes from passing for their node."""
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize("size", [*range(1, 65), pytest.param(300, marks=pytest.mark.slow)])
def test_every_leaf_of_every_tree_is_proven_at_its_index_alone(size: int) -> None:
    """Not at another index, not for another leaf, not in a tree of another size."""
    leaves, whole = _leaves(size), root(_leaves(size))
    for index in range(size):
        proof = inclusion_proof(span(leaves), size, index)
        assert len(proof) <= (size - 1).bit_length()
        assert verify_inclusion(leaves[index], index, size, proof, whole)
        assert not verify_inclusion(leaves[index - 1], index, size, proof, whole) or size == 1
        assert not any(
            verify_inclusion(leaves[index], other, size, proof, whole)
            for other in range(-1, size + 1)
            if other != index
        )


@pytest.mark.parametrize("new", [*range(1, 33), pytest.param(300, marks=pytest.mark.slow)])
def test_every_tree_is_consistent_with_all_it_grew_from(new: int) -> None:
    """And with no other: a root that differs in one leaf is not its past."""
    leaves = _leaves(new)
    roots = [root(leaves[:size]) for size in range(new + 1)]
    for old in range(new + 1):
        proof = consistency_proof(span(leaves), old, new)
        assert verify_consistency(old, new, proof, roots[old], roots[new])
        if old:
            forged = root([*leaves[: old - 1], EMPTY_ROOT])
            assert not verify_consistency(old, new, proof, forged, roots[new])
            assert not verify_consistency(old, new, proof, roots[old], forged)
            assert not verify_consistency(old - 1, new, proof, roots[old], roots[new])


@pytest.mark.slow
def test_every_index_of_every_size_and_every_pair_of_sizes_up_to_300() -> None:
    """Each leaf is in each tree that has it, and each tree begins with each smaller one."""
    leaves, most = _leaves(300), 300
    known = cache(span(leaves))  # what trees of different sizes have in common
    roots = [EMPTY_ROOT, *(known(0, size) for size in range(1, most + 1))]
    for size in range(1, most + 1):
        for index in range(size):
            proof = inclusion_proof(known, size, index)
            assert verify_inclusion(leaves[index], index, size, proof, roots[size])
        for old in range(size + 1):
            proof = consistency_proof(known, old, size)
            assert verify_consistency(old, size, proof, roots[old], roots[size])


@given(data=st.data(), size=st.integers(2, 300))
def test_no_mutation_of_an_inclusion_proof_passes(data: st.DataObject, size: int) -> None:
    """A changed bit, a hash taken out, added, doubled or swapped."""
    leaves = _leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(span(leaves), size, index)
    for mutated in _mutations(data, proof):
        assert not verify_inclusion(leaves[index], index, size, mutated, root(leaves))


@given(data=st.data(), new=st.integers(2, 300))
def test_no_mutation_of_a_consistency_proof_passes(data: st.DataObject, new: int) -> None:
    """Likewise; between two different sizes above nothing, a proof is never empty."""
    leaves = _leaves(new)
    old = data.draw(st.integers(1, new - 1))
    proof = consistency_proof(span(leaves), old, new)
    old_root, new_root = root(leaves[:old]), root(leaves)
    assert proof
    for mutated in _mutations(data, proof):
        assert not verify_consistency(old, new, mutated, old_root, new_root)


def _mutations(data: st.DataObject, proof: list[bytes]) -> list[list[bytes]]:
    place = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = bytearray(proof[place])
    flipped[bit // 8] ^= 1 << bit % 8
    mutated = [
        [*proof[:place], bytes(flipped), *proof[place + 1 :]],
        proof[:place] + proof[place + 1 :],
        [*proof[:place], EMPTY_ROOT, *proof[place:]],
        [*proof, proof[-1]],
        [*proof[:place], proof[place][:31], *proof[place + 1 :]],
    ]
    if len(proof) > 1:
        mutated.append(proof[::-1])
    return mutated


@pytest.mark.parametrize(("old", "new"), [(3, 2), (-1, 4)])
def test_there_is_no_proof_that_a_tree_extends_a_larger_one(old: int, new: int) -> None:
    """Asked for one, the builder refuses; given one, the verifier does."""
    with pytest.raises(ValueError, match="does not extend"):
        consistency_proof(span(_leaves(4)), old, new)
    assert not verify_consistency(old, new, [EMPTY_ROOT], EMPTY_ROOT, EMPTY_ROOT)


@pytest.mark.parametrize("index", [-1, 4])
def test_there_is_no_proof_of_a_leaf_outside_the_tree(index: int) -> None:
    """An index out of bounds is an error of the caller's."""
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(span(_leaves(4)), 4, index)


def test_trees_that_grow_have_roots_of_their_own() -> None:
    """No two sizes share one."""
    roots = [root(_leaves(size)) for size in range(64)]
    assert all(before != after for before, after in pairwise(roots))
    assert len(set(roots)) == 64
