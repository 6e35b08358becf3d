"""The leaves of the log's rows, as the file holds them now.

Rows are read in the order of the table itself, never by an index: an index can be made to lie.
Only the standard library and the ledger are imported, because a second process reads half of the
rows and has to start fast.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from grace.ledger.entry import encode_entries
from grace.ledger.merkle import LEAF_PREFIX, leaf_hash
from grace.notary.cells import UNENCODABLE, pieces
from grace.notary.stored import Stored, is_sqlite
from grace.values import Kind

__all__ = ["LogRows", "cell_leaves", "leaves", "misfits", "row_leaf"]

CHUNK = 128  # small enough that a chunk stays in the cache: 1000 takes half as long again
SALT_BYTES = 16
DIGEST = re.compile(rb"[0-9a-f]{64}")

Row = tuple[Any, ...]
Leaf = bytes | None
Rowids = tuple[int, int]


@dataclass(frozen=True)
class LogRows:
    """A log table to be read: its hashed columns in order, and those an erasure leaves."""

    name: str
    kinds: Mapping[str, Kind]
    kept: Sequence[str]


def _from(connection: Stored, table: str) -> str:
    """PostgreSQL reads a whole table in its own order anyway."""
    return f"FROM {table} NOT INDEXED" if is_sqlite(connection) else f"FROM {table}"


def _misfit(connection: Stored, table: LogRows) -> str:
    """Whether a row has a blob for a text, or a text for its salt: both come as bytes here.

    Blobs sort behind everything else in SQLite, so that x'' is the border. In PostgreSQL a column
    holds its own type alone.
    """
    if not is_sqlite(connection):
        return "FALSE"
    texts = [f"\"{name}\" >= x''" for name, kind in table.kinds.items() if kind in ("text", "json")]
    return f"(salt < x'' OR {' OR '.join(texts)}) IS TRUE"


def leaves(
    connection: Stored, table: LogRows, rowids: Rowids | None = None
) -> Iterator[tuple[Sequence[int], list[Leaf]]]:
    """Ledger indices and leaf hashes, some hundred rows at a time, in the table's own order.

    `rowids` chooses rows of SQLite, from the first to the last one named.

    The connection's text_factory is bytes. The leaf is None where the row is none that a writer
    could have made; `misfits` are left out. That an index is a whole number is for the caller to
    doubt.
    """
    erasures = _Erasures(connection)
    columns = ", ".join(f'"{name}"' for name in table.kinds)
    query = (
        f"SELECT {columns}, salt, ledger_index {_from(connection, table.name)} "
        f"WHERE NOT {_misfit(connection, table)}"
    )
    if rowids is not None:
        query += f" AND rowid BETWEEN {rowids[0]} AND {rowids[1]}"
    cursor = connection.execute(query)
    while rows := cursor.fetchmany(CHUNK):
        try:
            found: list[Leaf] = list(_leaves(table, rows))
        except UNENCODABLE:
            found = [_leaf(table, row, erasures) for row in rows]
        yield [row[-1] for row in rows], found


def misfits(connection: Stored, table: LogRows) -> list[int]:
    """The ledger indices of the rows that `leaves` leaves out."""
    rows = _from(connection, table.name)
    query = f"SELECT ledger_index {rows} WHERE {_misfit(connection, table)}"
    return [row[0] for row in connection.execute(query)]


def _leaves(table: LogRows, rows: Sequence[Row]) -> Iterator[bytes]:
    """As `row_digest`, `encode_entry` and `leaf_hash` would make them, a column at a time."""
    *cells, salts, _ = zip(*rows, strict=True)
    return cell_leaves(table, cells, salts)


def cell_leaves(
    table: LogRows, cells: Sequence[Sequence[Any]], salts: Sequence[Any]
) -> Iterator[bytes]:
    """Leaf hashes of rows given as columns; one of UNENCODABLE where a cell or salt is none."""
    if set(map(len, salts)) != {SALT_BYTES}:
        raise TypeError("a salt is missing, as after an erasure, or has another length")
    encoded = zip(salts, *pieces(table.kinds.values(), cells))  # noqa: B905 - constants never end
    digests = [sha256(row).digest() for row in map(b"".join, encoded)]
    ids, revisions, times, *_ = cells
    entries = encode_entries(table.name, ids, revisions, times, digests, LEAF_PREFIX)
    return (sha256(entry).digest() for entry in entries)


class _Erasures:
    """The digests that `erasures` rows keep of rows whose payload and salt are gone."""

    def __init__(self, connection: Stored) -> None:
        self.connection = connection
        self.known: dict[tuple[bytes, bytes], bytes | None] | None = None

    def digest(self, table: str, id: bytes) -> bytes | None:
        if self.known is None:
            query = f"SELECT table_name, row_id, digest {_from(self.connection, 'erasures')}"
            self.known = {row[:2]: row[2] for row in self.connection.execute(query)}
        digest = self.known.get((table.encode(), id))
        is_digest = isinstance(digest, bytes) and DIGEST.fullmatch(digest)
        return bytes.fromhex(digest.decode()) if digest and is_digest else None


def _leaf(table: LogRows, row: Row, erasures: _Erasures) -> Leaf:
    return row_leaf(table, row, erasures.digest)


def row_leaf(table: LogRows, row: Row, erased: Callable[[str, bytes], bytes | None]) -> Leaf:
    """One row that is not like the others: erased, or not as a writer would have made it.

    `erased` gives the digest that was kept of the row of a table and id.
    """
    try:
        if row[-2] is not None:
            return next(_leaves(table, [row]))
        digest = erased(table.name, row[0])
        if digest is None or not _is_bare(table, row):
            return None
        id, revision, at = row[:3]
        (entry,) = encode_entries(table.name, [id], [revision], [at], [digest])
        return leaf_hash(entry)
    except UNENCODABLE:
        return None


def _is_bare(table: LogRows, row: Row) -> bool:
    """Whether an erasure left nothing but what it may leave."""
    cells = zip(table.kinds, row, strict=False)
    return all(cell is None or name in table.kept for name, cell in cells)
