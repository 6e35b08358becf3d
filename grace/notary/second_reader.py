"""Half of the rows of a large log, read by a second process: a verification in little over half.

It only computes: what it says of the older rows is held against the tree by whoever asked, as are
the leaves of the newer ones. Its snapshot is one of its own, and no older; rows are never changed.
"""

import marshal
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from grace.errors import Unreachable
from grace.jobs import processes
from grace.notary.rows import Leaf, LogRows, Rowids, leaves

__all__ = ["Chunk", "Older", "OlderJob", "reading_older"]

FEWEST_ROWS = 50_000  # it takes some tenths of a second to start
BUSY_SECONDS = 60

Chunk = tuple[str, Sequence[int], list[Leaf]]  # of a table: ledger indices and leaf hashes


@dataclass(frozen=True)
class OlderJob:
    """These rows of the SQLite file `database`; what they are goes into the file `told`."""

    database: str
    parts: Sequence[tuple[LogRows, Rowids]]
    told: str

    def run(self) -> None:
        address = f"file:{quote(self.database)}?mode=ro"
        try:
            connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)
            connection.text_factory = bytes
            with open(self.told, "wb") as told:
                self._read(connection, told)
        except sqlite3.Error as problem:
            raise Unreachable(f"{self.database} cannot be read: {problem}") from None

    def _read(self, connection: sqlite3.Connection, told: IO[bytes]) -> None:
        connection.execute("BEGIN")
        for table, rowids in self.parts:
            for indices, found in leaves(connection, table, rowids):
                marshal.dump((table.name, list(indices), found), told)
        marshal.dump(None, told)


@dataclass(frozen=True)
class Older:
    """The rows that the second process reads; `newer` are left for whoever asked."""

    done: "Future[None]"
    told: Path
    newer: Mapping[str, Rowids]

    def chunks(self) -> Iterator[Chunk]:
        """Wait for it; Unreachable where it did not come to its end."""
        self.done.result()
        with self.told.open("rb") as told:
            while (chunk := marshal.load(told)) is not None:
                yield chunk


@contextmanager
def reading_older(
    connection: sqlite3.Connection, tables: Sequence[LogRows], size: int
) -> Iterator[Older | None]:
    """None where the log is small, the machine has one core, or the log is in no file."""
    file = connection.execute("PRAGMA database_list").fetchone()[2].decode()
    if size < FEWEST_ROWS or (os.cpu_count() or 1) < 2 or not file:
        yield None
        return
    ends = {table.name: _ends(connection, table) for table in tables}
    older = {name: (low, (low + high) // 2) for name, (low, high) in ends.items()}
    newer = {name: (older[name][1] + 1, high) for name, (_, high) in ends.items()}
    parts = [(table, older[table.name]) for table in tables]
    with tempfile.TemporaryDirectory() as folder, processes(1) as submit:
        told = Path(folder, "older")
        yield Older(submit(OlderJob(file, parts, str(told))), told, newer)


def _ends(connection: sqlite3.Connection, table: LogRows) -> Rowids:
    first, last = connection.execute(f"SELECT min(rowid), max(rowid) FROM {table.name}").fetchone()
    return (0, -1) if first is None else (first, last)
