"""The leaves of the log's rows, as the file holds them now.

Rows are read in the order of the table itself, never by an index: an index can be made to lie.
This needs no more than the standard library, because a second process reads half of the rows.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, repeat
from json.encoder import encode_basestring
from typing import Any

from grace.ledger.encoding import row_digest
from grace.ledger.entry import format_entry, timestamp
from grace.ledger.merkle import leaf_hash
from grace.notary.cells import UNENCODABLE, pieces
from grace.values import Kind, from_microseconds

__all__ = ["LogRows", "Part", "bare_text", "leaves"]

CHUNK = 400
SALT_BYTES = 16
IDENTITY = 3  # id, revision and recorded_at come first in every log table

Row = tuple[Any, ...]
Chunk = tuple[Sequence[object], list[bytes | None]]


@dataclass(frozen=True)
class LogRows:
    """A log table to be read: its hashed columns in order, and those an erasure leaves."""

    name: str
    kinds: Mapping[str, Kind]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """The rows of a table whose rowid lies from `low` to `high`, both included."""

    table: LogRows
    low: int
    high: int

    def plain(self) -> dict[str, object]:
        return asdict(self)


def leaves(connection: sqlite3.Connection, part: Part) -> Iterator[Chunk]:
    """Ledger indices and leaf hashes, some hundred rows at a time, in the table's own order.

    The leaf is None where the row is not one a writer could have made. Rows with a blob in place
    of a text are left out: the log misses them then, and `misfits` in `diagnosis` finds them.
    """
    erased = _Erasures(connection)
    cursor = connection.execute(_query(part.table), (part.low, part.high))
    while rows := cursor.fetchmany(CHUNK):
        yield [row[-1] for row in rows], _leaves(part.table, rows, erased)


@dataclass
class bare_text:  # noqa: N801 - reads as the `with` statement it is for
    """Within it, text comes from SQLite as the bytes that are stored."""

    connection: sqlite3.Connection

    def __enter__(self) -> sqlite3.Connection:
        self.before = self.connection.text_factory
        self.connection.text_factory = bytes
        return self.connection

    def __exit__(self, *problem: object) -> None:
        self.connection.text_factory = self.before
