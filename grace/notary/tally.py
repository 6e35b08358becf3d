"""Whether all rows have their leaves in the tree: yes or no, in half of the time by two processes.

Within a table rows stand in ledger order, and a leaf tells its table. So if every row fits the
leaf at its index, indices ascend in each part of a table, and there are as many rows as leaves,
then rows and leaves are paired one to one. Where this says no, `grace.notary.comparison` finds out
what is wrong, and whether anything is.
"""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from operator import lt
from urllib.parse import quote

from grace.ledger.tiles import HASH, HEIGHT
from grace.notary.rows import ALL_ROWS, LogRows, Part, leaves

__all__ = ["all_fit"]

FEWEST_ROWS = 20_000  # a second process takes a tenth of a second to start
WIDEST = 64  # tiles
COMMAND = [sys.executable, "-P", "-m", "grace.notary.tally"]


def all_fit(
    connection: sqlite3.Connection, tables: Sequence[LogRows], size: int, processes: int
) -> bool:
    """Whether the log tables hold exactly the rows of the first `size` leaves.

    The others of the `processes` read snapshots of their own, no older than that of `connection`:
    they are given the older rows, which must not have changed.
    """
    file = connection.execute("PRAGMA database_list").fetchone()[2]
    shares = _shares(connection, tables, processes if size >= FEWEST_ROWS and file else 1)
    others = [_start(file.decode(), share) for share in shares[1:]]
    count: int | None = _fitting(connection, shares[0])
    for other in others:
        told, _ = other.communicate()
        theirs = json.loads(told) if other.returncode == 0 else None
        count = None if count is None or theirs is None else count + theirs
    return count == size


def _shares(
    connection: sqlite3.Connection, tables: Sequence[LogRows], count: int
) -> list[list[Part]]:
    """Every table in `count` parts by rowid, the first share with the newest rows."""
    shares: list[list[Part]] = [[] for _ in range(count)]
    for table in tables:
        low, high = ALL_ROWS
        ends = connection.execute(f"SELECT min(rowid), max(rowid) FROM {table.name}").fetchone()
        first, last = (ends[0] or 0), (ends[1] or 0)
        for share, place in zip(shares, range(count - 1, -1, -1), strict=True):
            start = first + (last - first) * place // count if place else low
            share.append(Part(table, start, high))
            high = start - 1
    return shares


def _start(file: str, share: Sequence[Part]) -> subprocess.Popen[bytes]:
    other = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdin is not None
    order = {"file": file, "share": [asdict(part) for part in share]}
    other.stdin.write(json.dumps(order).encode())
    other.stdin.close()
    other.stdin = None
    return other


def _fitting(connection: sqlite3.Connection, share: Sequence[Part]) -> int | None:
    """How many rows the parts hold, None where one does not fit."""
    tree = _Leaves(connection)
    count = 0
    for part in share:
        last = -1
        for indices, found in leaves(connection, part):
            try:
                fits = _ascend(last, indices) and found == tree.at(indices)
            except TypeError:  # an index that is no whole number
                return None
            if not fits:
                return None
            count, last = count + len(indices), indices[-1]
    return count


def _ascend(last: int, indices: Sequence[int]) -> bool:
    return all(map(lt, chain((last,), indices), indices))


class _Leaves:
    """Leaf hashes from the tiles of level 0, some tiles at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
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


def _serve(order: str) -> int | None:
    """A share of the rows, read by a process of its own from a snapshot of its own."""
    given = json.loads(order)
    share = [Part(**part | {"table": LogRows(**part["table"])}) for part in given["share"]]
    address = f"file:{quote(given['file'])}?mode=ro"
    connection = sqlite3.connect(address, uri=True, timeout=60, isolation_level=None)
    connection.text_factory = bytes
    connection.execute("BEGIN")
    return _fitting(connection, share)


if __name__ == "__main__":
    print(json.dumps(_serve(sys.stdin.read())))
