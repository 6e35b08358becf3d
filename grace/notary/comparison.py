"""Where rows and leaves differ: slower than `grace.notary.tally`, and exact."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from grace.ledger.tiles import HASH, WIDTH
from grace.notary.rows import LogRows, leaves, misfits
from grace.notary.stored import Stored

__all__ = ["Comparison", "compare"]

MOST_WRONG = 65_536


@dataclass
class Comparison:
    """Rows against the first `size` leaves.

    `wrong` holds the rows that do not fit their leaf, up to MOST_WRONG of them, and `first_wrong`
    the one of the lowest index; a leaf of None is that of a row no writer could have made.
    `missing` is the first index without a row, `twice` the first with two; `beyond` counts the
    rows at indices the tree does not have, from `beyond_low` to `beyond_high`; `homeless` those
    whose index is no whole number.
    """

    size: int
    count: int = 0
    wrong: dict[int, bytes | None] = field(default_factory=dict)
    first_wrong: tuple[int, bytes | None] | None = None
    missing: int | None = None
    twice: int | None = None
    beyond: int = 0
    beyond_low: int | None = None
    beyond_high: int | None = None
    homeless: int = 0

    @property
    def first(self) -> int | None:
        """The first index at which rows and leaves differ."""
        wrong = None if self.first_wrong is None else self.first_wrong[0]
        candidates = (wrong, self.missing, self.twice, self.beyond_low)
        return min((index for index in candidates if index is not None), default=None)

    @property
    def fits(self) -> bool:
        return self.first is None and not self.homeless

    @property
    def only_lacks_its_tail(self) -> bool:
        """Whether the rows before `missing` are all there are, and all fit."""
        return self.first == self.missing == self.count

    def add(self, index: object, leaf: bytes | None, expected: bytes | None) -> None:
        self.count += 1
        if not isinstance(index, int):
            self.homeless += 1
        elif expected is None:
            self.beyond += 1
            self.beyond_low = index if self.beyond_low is None else min(index, self.beyond_low)
            self.beyond_high = index if self.beyond_high is None else max(index, self.beyond_high)
        elif leaf != expected:
            if self.first_wrong is None or index < self.first_wrong[0]:
                self.first_wrong = (index, leaf)
            if len(self.wrong) < MOST_WRONG:
                self.wrong[index] = leaf


def compare(connection: Stored, tables: Sequence[LogRows], size: int) -> Comparison:
    """Every row against its leaf; one bit of memory a leaf."""
    found, seen, tree = Comparison(size), _Bits(size), _Window(connection, size)
    for table in tables:
        for index in misfits(connection, table):
            found.add(index, None, tree.leaf(index))
            seen.mark(index, found)
        for indices, hashes in leaves(connection, table):
            for index, leaf in zip(indices, hashes, strict=True):
                found.add(index, leaf, tree.leaf(index))
                seen.mark(index, found)
    found.missing = seen.first_gap()
    return found


class _Window:
    """The leaves of the tree, read a tile at a time."""

    def __init__(self, connection: Stored, size: int) -> None:
        self.connection = connection
        self.size = size
        self.number = -1
        self.hashes = b""

    def leaf(self, index: object) -> bytes | None:
        if not isinstance(index, int) or not 0 <= index < self.size:
            return None
        number, place = divmod(index, WIDTH)
        if number != self.number:
            query = "SELECT hashes FROM ledger_tiles WHERE level = 0 AND tile = ?"
            self.hashes = self.connection.execute(query, (number,)).fetchone()[0]
            self.number = number
        return self.hashes[place * HASH :][:HASH]


class _Bits:
    """Which indices have a row."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.bits = bytearray(size // 8 + 1)

    def mark(self, index: object, found: Comparison) -> None:
        if not isinstance(index, int) or not 0 <= index < self.size:
            return
        place, bit = index >> 3, 1 << (index & 7)
        if self.bits[place] & bit:
            found.twice = index if found.twice is None else min(index, found.twice)
        self.bits[place] |= bit

    def first_gap(self) -> int | None:
        place = next((at for at, byte in enumerate(self.bits) if byte != 0xFF), len(self.bits) - 1)
        byte = self.bits[place]
        gap = place * 8 + next((bit for bit in range(8) if not byte >> bit & 1), 8)
        return gap if gap < self.size else None
