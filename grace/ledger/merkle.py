"""Merkle tree hashing and proofs of RFC 6962 section 2.1 and RFC 9162 section 2.1.

Proofs are built over a `Span`: the root of the leaves `lo` to `hi` (exclusive), which a list of
leaf hashes answers here and stored tiles answer in `tiles`.
"""

import hashlib
from collections.abc import Callable, Sequence

__all__ = [
    "EMPTY_ROOT",
    "Span",
    "consistency_proof",
    "fold",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root",
    "span",
    "verify_consistency",
    "verify_inclusion",
]

LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
EMPTY_ROOT = hashlib.sha256().digest()

Span = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(LEAF_PREFIX + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below `size` (at least 2): where the tree divides."""
    return 1 << (size - 1).bit_length() - 1


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root of a perfect tree over 2^k hashes."""
    sha256 = hashlib.sha256  # `node_hash`, without a call for each: a tree is as many as its leaves
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [sha256(b"\x01" + a + b).digest() for a, b in zip(pairs, pairs, strict=True)]
    return hashes[0]


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, of leaf hashes."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) & len(leaves) - 1 == 0:
        return fold(leaves)
    middle = split(len(leaves))
    return node_hash(root(leaves[:middle]), root(leaves[middle:]))


def span(leaves: Sequence[bytes]) -> Span:
    return lambda lo, hi: root(leaves[lo:hi])


def inclusion_proof(span: Span, size: int, index: int) -> list[bytes]:
    """PATH of RFC 9162 section 2.1.3.1: the hashes from the leaf's sibling up to the root's."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    proof, lo, hi = [], 0, size
    while hi - lo > 1:
        middle = lo + split(hi - lo)
        if index < middle:
            proof.append(span(middle, hi))
            hi = middle
        else:
            proof.append(span(lo, middle))
            lo = middle
    return proof[::-1]


def consistency_proof(span: Span, old: int, new: int) -> list[bytes]:
    """PROOF of RFC 9162 section 2.1.4.1; empty where there is nothing to prove."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not extend one of {old}")
    if old in (0, new):
        return []
    proof, lo, hi = [], 0, new
    while old != hi:
        middle = lo + split(hi - lo)
        if old <= middle:
            proof.append(span(middle, hi))
            hi = middle
        else:
            proof.append(span(lo, middle))
            lo = middle
    return ([span(lo, hi)] if lo else []) + proof[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """RFC 9162 section 2.1.3.2: whether `leaf` is number `index` of the tree of that root."""
    if not 0 <= index < size:
        return False
    position, last, climbed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            climbed = node_hash(sibling, climbed)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            climbed = node_hash(climbed, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and climbed == root


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """RFC 9162 section 2.1.4.2: whether the tree of `new` leaves only extends that of `old`."""
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if not 0 < old < new or not proof:
        return False
    path = list(proof) if old & old - 1 else [old_root, *proof]
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
