"""Ledger entries of rows as the log has them now: what the leaves commit to."""

import heapq
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from grace.errors import LedgerBroken
from grace.ledger.encoding import encode_row, row_digest
from grace.ledger.entry import encode_entry
from grace.ledger.merkle import leaf_hash
from grace.store.schema import LOGS, LogTable

__all__ = ["entries", "entry_at"]

ERASURES = LOGS["erasures"].table
ROWS_AT_ONCE = 1000


def entry_at(connection: sa.Connection, index: int, leaf: bytes) -> bytes:
    """The entry of the row at this index; LedgerBroken where it is not what `leaf` commits to."""
    for log in LOGS.values():
        row = connection.execute(_query(log).where(log.table.c.ledger_index == index)).first()
        if row is not None:
            entry = _entry(connection, log, row)
            if leaf_hash(entry) == leaf:
                return entry
            break
    raise LedgerBroken(f"entry {index} is not what the log has there: run `grace ledger verify`")


def entries(connection: sa.Connection, size: int) -> Iterator[tuple[int, bytes]]:
    """Index and entry of all rows below `size`, in the order of the log; memory stays flat."""
    streams = (_stream(connection, log, size) for log in LOGS.values())
    yield from heapq.merge(*streams, key=lambda pair: pair[0])


def _stream(connection: sa.Connection, log: LogTable, size: int) -> Iterator[tuple[int, bytes]]:
    """A page at a time: drivers that hold one result a connection have to serve all the tables."""
    index, last = log.table.c.ledger_index, -1
    page = _query(log).where(index < size).order_by(index).limit(ROWS_AT_ONCE)
    while rows := connection.execute(page.where(index > last)).all():
        for row in rows:
            yield row[-1], _entry(connection, log, row)
        last = rows[-1][-1]


def _query(log: LogTable) -> sa.Select[Any]:
    return sa.select(*(log.table.c[name] for name in (*log.kinds, "salt", "ledger_index")))


def _entry(connection: sa.Connection, log: LogTable, row: Any) -> bytes:
    *cells, salt, _ = row
    if salt is None:
        digest = _erased(connection, log.name, cells[0])
    else:
        digest = row_digest(bytes(salt), encode_row(list(log.kinds.values()), cells))
    id_, revision, recorded_at = cells[:3]
    return encode_entry(log.name, id_, revision, recorded_at, digest)


def _erased(connection: sa.Connection, table: str, row_id: str) -> bytes:
    query = sa.select(ERASURES.c.digest).where(
        ERASURES.c.table_name == table, ERASURES.c.row_id == row_id
    )
    digest = connection.execute(query).scalars().first()
    if digest is None:
        raise LedgerBroken(f"row {row_id} of {table} lost its payload and no erasure says so")
    return bytes.fromhex(digest)
