"""Whether all rows have their leaves in the tree: yes or no, at the pace of reading them.

Within a table rows stand in ledger order, and a leaf tells its table. So if every row fits the
leaf at its index, indices ascend in each table, and there are as many rows as leaves, then rows
and leaves are paired one to one. Where this says no, `grace.notary.comparison` finds out what is
wrong, and whether anything is.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import lt

from grace.errors import Unreachable
from grace.ledger.tiles import HASH, HEIGHT
from grace.notary.rows import LogRows, leaves
from grace.notary.second_reader import Chunk, reading_older
from grace.notary.stored import Stored

__all__ = ["all_fit"]

WIDEST = 64  # tiles


def all_fit(connection: Stored, tables: Sequence[LogRows], size: int) -> bool:
    """Whether the log tables hold exactly the rows of the first `size` leaves."""
    tally = _Tally(connection)
    if not isinstance(connection, sqlite3.Connection):
        return tally.fits(_chunks(connection, tables)) and tally.count == size
    with reading_older(connection, tables, size) as older:
        if older is None:
            return tally.fits(_chunks(connection, tables)) and tally.count == size
        newer = _Tally(connection)
        parts = (
            (table.name, *chunk)
            for table in tables
            for chunk in leaves(connection, table, older.newer[table.name])
        )
        try:
            fits = newer.fits(parts) and tally.fits(older.chunks())
        except (Unreachable, OSError):  # killed, or its file cannot be: then this one does it all
            return False
    return fits and newer.follows(tally) and tally.count + newer.count == size


def _chunks(connection: Stored, tables: Sequence[LogRows]) -> Iterable[Chunk]:
    return ((table.name, *chunk) for table in tables for chunk in leaves(connection, table))


class _Tally:
    """Rows that fit their leaves: how many, and each table's first and last index."""

    def __init__(self, connection: Stored) -> None:
        self.tree = _Leaves(connection)
        self.count = 0
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}

    def fits(self, chunks: Iterable[Chunk]) -> bool:
        """Whether all of them do, and ascend within their table."""
        for table, indices, found in chunks:
            try:
                last = self.last.get(table, -1)
                if not _ascend(last, indices) or found != self.tree.at(indices):
                    return False
            except TypeError:  # an index that is no whole number
                return False
            self.first.setdefault(table, indices[0])
            self.last[table] = indices[-1]
            self.count += len(indices)
        return True

    def follows(self, older: "_Tally") -> bool:
        return all(older.last.get(table, -1) < first for table, first in self.first.items())


def _ascend(last: int, indices: Sequence[int]) -> bool:
    return all(map(lt, chain((last,), indices), indices))


class _Leaves:
    """Leaf hashes from the tiles of level 0, some tiles at a time."""

    def __init__(self, connection: Stored) -> None:
        self.connection = connection
        self.tiles: dict[int, bytes] = {}

    def at(self, indices: Sequence[int]) -> list[bytes]:
        """The leaves at ascending indices; what the tree does not hold comes out empty."""
        first, last = indices[0] >> HEIGHT, indices[-1] >> HEIGHT
        if last - first > WIDEST:
            return [self.at([index])[0] for index in indices]
        window = b"".join(map(self._tile, range(first, last + 1)))
        start = first << HEIGHT
        return [window[at : at + HASH] for at in [(index - start) * HASH for index in indices]]

    def _tile(self, number: int) -> bytes:
        if number not in self.tiles:
            if len(self.tiles) > 4 * WIDEST:
                self.tiles.clear()
            query = "SELECT hashes FROM ledger_tiles WHERE level = 0 AND tile = ?"
            found = self.connection.execute(query, (number,)).fetchone()
            self.tiles[number] = found[0] if found else b""
        return self.tiles[number]
