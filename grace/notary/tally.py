"""Whether all rows have their leaves in the tree: yes or no, at the pace of reading them.

Within a table rows stand in ledger order, and a leaf tells its table. So if every row fits the
leaf at its index, indices ascend in each table, and there are as many rows as leaves, then rows
and leaves are paired one to one. Where this says no, `grace.notary.comparison` finds out what is
wrong, and whether anything is.
"""

from collections.abc import Sequence
from itertools import chain
from operator import lt

from grace.ledger.tiles import HASH, HEIGHT
from grace.notary.rows import LogRows, leaves
from grace.notary.stored import Stored

__all__ = ["all_fit"]

WIDEST = 64  # tiles


def all_fit(connection: Stored, tables: Sequence[LogRows], size: int) -> bool:
    """Whether the log tables hold exactly the rows of the first `size` leaves."""
    tree = _Leaves(connection)
    count = 0
    for table in tables:
        last = -1
        for indices, found in leaves(connection, table):
            try:
                fits = _ascend(last, indices) and found == tree.at(indices)
            except TypeError:  # an index that is no whole number
                return False
            if not fits:
                return False
            count, last = count + len(indices), indices[-1]
    return count == size


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
