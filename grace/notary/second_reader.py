"""Half of the rows of a large log, read by a second process: a verification in little over half.

It only computes: what it says of the older rows is held against the tree by whoever asked, as are
the leaves of the newer ones. Its snapshot is one of its own, and no older; rows are never changed.
"""

import json
import marshal
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import IO
from urllib.parse import quote

from grace.notary.rows import Leaf, LogRows, Rowids, leaves

__all__ = ["Chunk", "Older", "reading_older"]

FEWEST_ROWS = 50_000  # it takes some tenths of a second to start
BUSY_SECONDS = 60
COMMAND = [sys.executable, "-P", "-m", "grace.notary.second_reader"]

Chunk = tuple[str, Sequence[int], list[Leaf]]  # of a table: ledger indices and leaf hashes


class Older:
    """The rows that the second process reads; `newer` are left for whoever asked."""

    def __init__(
        self, process: subprocess.Popen[bytes], told: IO[bytes], newer: Mapping[str, Rowids]
    ) -> None:
        self._process, self._told = process, told
        self.newer = newer

    def chunks(self) -> Iterator[Chunk]:
        """Wait for it; EOFError where it did not come to its end."""
        if self._process.wait() != 0:
            raise EOFError("the second reader has failed")
        self._told.seek(0)
        while (chunk := marshal.load(self._told)) is not None:
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
    asked = {"file": file, "parts": [[asdict(table), older[table.name]] for table in tables]}
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=told, stderr=subprocess.DEVNULL
        )
        try:
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # it has failed, which is seen when it is waited for
                process.stdin.write(json.dumps(asked).encode())
                process.stdin.close()
            yield Older(process, told, newer)
        finally:
            process.kill()
            process.wait()


def _ends(connection: sqlite3.Connection, table: LogRows) -> Rowids:
    first, last = connection.execute(f"SELECT min(rowid), max(rowid) FROM {table.name}").fetchone()
    return (0, -1) if first is None else (first, last)


def _read(asked: str, tell: IO[bytes]) -> None:
    given = json.loads(asked)
    address = f"file:{quote(given['file'])}?mode=ro"
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    connection.text_factory = bytes
    connection.execute("BEGIN")
    for table, (low, high) in given["parts"]:
        rows = LogRows(**table)
        for indices, found in leaves(connection, rows, (low, high)):
            marshal.dump((rows.name, list(indices), found), tell)
    marshal.dump(None, tell)


if __name__ == "__main__":
    _read(sys.stdin.read(), sys.stdout.buffer)
