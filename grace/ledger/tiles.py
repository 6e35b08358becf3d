"""The tree in tiles 256 hashes wide, as C2SP tlog-tiles lays it out (c2sp.org/tlog-tiles).

Tile n of level 0 holds leaf hashes 256n and up; tile n of level l+1 holds the roots of the full
tiles 256n and up of level l. A tile that is not yet full simply grows. Everything else about the
tree follows from these, by one tile read a level.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from grace.errors import LedgerBroken
from grace.ledger import merkle

__all__ = [
    "HASH",
    "HEIGHT",
    "WIDTH",
    "Folds",
    "MemoryTiles",
    "Tiles",
    "consistency_proof",
    "grow",
    "hashes_of",
    "inclusion_proof",
    "leaf",
    "peaks",
    "root",
]

HEIGHT = 8
WIDTH = 1 << HEIGHT
HASH = 32

Folds = Mapping[int, bytes]  # the root of a full tile of leaves, by its number
NO_FOLDS: Folds = {}


class Tiles(Protocol):
    """Where tiles are kept: each is its hashes, 32 bytes each, one after another."""

    def get(self, level: int, tile: int) -> bytes | None: ...

    def put(self, level: int, tile: int, hashes: bytes) -> None: ...


class MemoryTiles:
    """Tiles in memory, read through from `below` once where that is given."""

    def __init__(self, below: Tiles | None = None) -> None:
        self.held: dict[tuple[int, int], bytes] = {}
        self.below = below

    def get(self, level: int, tile: int) -> bytes | None:
        hashes = self.held.get((level, tile))
        if hashes is None and self.below is not None:
            hashes = self.below.get(level, tile)
            if hashes is not None:
                self.held[level, tile] = hashes
        return hashes

    def put(self, level: int, tile: int, hashes: bytes) -> None:
        self.held[level, tile] = hashes


def hashes_of(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH] for at in range(0, len(tile), HASH)]


def grow(tiles: Tiles, size: int, leaves: Sequence[bytes], folds: Folds = NO_FOLDS) -> int:
    """Append leaf hashes to a tree of `size` leaves; the new size.

    Reads at most the last tile of a level, and writes only tiles that change. `folds` are roots of
    tiles of leaves that somebody knows already.
    """
    grown = size + len(leaves)
    level = 0
    while leaves:
        leaves = _append(tiles, level, size, leaves, folds if level == 0 else NO_FOLDS)
        level, size = level + 1, size >> HEIGHT
    return grown


def _append(
    tiles: Tiles, level: int, start: int, hashes: Sequence[bytes], folds: Folds
) -> list[bytes]:
    """Put `hashes` from position `start` of a level on; the roots of the tiles that filled up."""
    roots = []
    taken = 0
    while taken < len(hashes):
        tile, held = divmod(start + taken, WIDTH)
        added = hashes[taken : taken + WIDTH - held]
        kept = _read(tiles, level, tile, held) if held else b""
        filled = kept + b"".join(added)
        tiles.put(level, tile, filled)
        if held + len(added) == WIDTH:
            roots.append(folds.get(tile) or merkle.fold(hashes_of(filled)))
        taken += len(added)
    return roots


def _read(tiles: Tiles, level: int, tile: int, count: int) -> bytes:
    """The first `count` hashes of a tile; LedgerBroken where it does not hold that many."""
    held = tiles.get(level, tile) or b""
    if len(held) < count * HASH:
        raise LedgerBroken(
            f"tile {tile} of level {level} holds {len(held) // HASH} hashes where {count} are "
            "needed: run `grace ledger verify`"
        )
    return held[: count * HASH]


def _perfect(tiles: Tiles, lo: int, width: int) -> bytes:
    """The root of `width` leaves, a power of two, that start at a multiple of it."""
    level, rest = divmod(width.bit_length() - 1, HEIGHT)
    tile, first = divmod(lo >> level * HEIGHT, WIDTH)
    last = first + (1 << rest)
    return merkle.fold(hashes_of(_read(tiles, level, tile, last)[first * HASH :]))


def _span(tiles: Tiles) -> merkle.Span:
    """The root of any range that occurs in a proof, reading each tile once."""
    cached = MemoryTiles(tiles)

    def span(lo: int, hi: int) -> bytes:
        width = hi - lo
        if width & width - 1 == 0:
            return _perfect(cached, lo, width)
        middle = lo + merkle.split(width)
        return merkle.node_hash(span(lo, middle), span(middle, hi))

    return span


def root(tiles: Tiles, size: int) -> bytes:
    """The root of the first `size` leaves, also where the tiles hold more."""
    return _span(tiles)(0, size) if size else merkle.EMPTY_ROOT


def peaks(tiles: Tiles, size: int) -> list[bytes]:
    """The roots of the perfect trees that make up the first `size` leaves, largest first."""
    found, start = [], 0
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            found.append(_perfect(tiles, start, 1 << bit))
            start += 1 << bit
    return found


def leaf(tiles: Tiles, index: int) -> bytes:
    return _perfect(tiles, index, 1)


def inclusion_proof(tiles: Tiles, size: int, index: int) -> list[bytes]:
    return merkle.inclusion_proof(_span(tiles), size, index)


def consistency_proof(tiles: Tiles, old: int, new: int) -> list[bytes]:
    return merkle.consistency_proof(_span(tiles), old, new)
