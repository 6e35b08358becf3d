"""Rows of a log table between two ledger indices, from the database, as Arrow batches."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from grace.export.frame import checked, columns, schema, stored
from grace.store.schema import LogTable
from grace.store.types import UtcTime

__all__ = ["read_rows", "superseded"]

ROWS = 8192


def read_rows(
    connection: sa.Connection, log: LogTable, low: int, high: int
) -> Iterator[pa.RecordBatch]:
    """The rows at `low` to `high` (exclusive) by ledger index, some thousand at a time.

    Raises LedgerBroken as `grace.export.frame.checked`.
    """
    reads = _sqlite_batches if connection.dialect.name == "sqlite" else _batches
    return checked(log.name, schema(log), reads(connection, log, low, high), low, high)


def superseded(
    connection: sa.Connection, log: LogTable, low: int, high: int, size: int
) -> set[int]:
    """Ledger indices of the rows in a range that have a later revision below `size`."""
    table, later = log.table, log.table.alias("later")
    same_key = [table.c[name] == later.c[name] for name in log.key]
    newer = sa.exists().where(
        *same_key, later.c.revision > table.c.revision, later.c.ledger_index < size
    )
    index = table.c.ledger_index
    query = sa.select(index).where(index >= low, index < high, newer)
    return set(connection.execute(query).scalars())


def _sqlite_batches(
    connection: sa.Connection, log: LogTable, low: int, high: int
) -> Iterator[pa.RecordBatch]:
    """In the order of the table itself, which is that of the ledger, without its indexes."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    connection.exec_driver_sql("SELECT 1")  # the transaction begins with a first statement
    names, types = columns(log), stored(log)
    quoted = ", ".join(f'"{name}"' for name in names)
    index = f"SELECT rowid FROM {log.name} WHERE ledger_index"
    with _bytes_for_text(raw):
        first = raw.execute(f"{index} >= ? ORDER BY ledger_index LIMIT 1", (low,)).fetchone()
        last = raw.execute(f"{index} < ? ORDER BY ledger_index DESC LIMIT 1", (high,)).fetchone()
        if first is None or last is None:
            return
        query = f"SELECT {quoted} FROM {log.name} WHERE rowid BETWEEN ? AND ?"
        cursor = raw.execute(query, (*first, *last))
        while rows := cursor.fetchmany(ROWS):
            found = zip(zip(*rows, strict=True), types, strict=True)
            yield pa.RecordBatch.from_arrays([_array(*one) for one in found], names=names)


def _array(column: Sequence[Any], kind: pa.DataType) -> pa.Array:
    # most columns of a log, most of the time
    if column[0] is None and column.count(None) == len(column):
        return pa.nulls(len(column), kind)
    return pa.array(column, kind)


@contextmanager
def _bytes_for_text(raw: sqlite3.Connection) -> Iterator[None]:
    """Text as its UTF-8, which Arrow holds too: nothing is decoded and encoded again."""
    before, raw.text_factory = raw.text_factory, bytes
    try:
        yield
    finally:
        raw.text_factory = before


def _batches(
    connection: sa.Connection, log: LogTable, low: int, high: int
) -> Iterator[pa.RecordBatch]:
    index, wanted = log.table.c.ledger_index, schema(log)
    query = (
        # times stay the whole microseconds that they are
        sa.select(*(_bare(log.table.c[name]) for name in columns(log)))
        .where(index >= low, index < high)
        .order_by(index)
    )
    with connection.execute(query.execution_options(yield_per=ROWS)) as found:
        for rows in found.partitions(ROWS):
            arrays = zip(zip(*rows, strict=True), wanted.types, strict=True)
            made = [_made(list(column), kind) for column, kind in arrays]
            yield pa.RecordBatch.from_arrays(made, schema=wanted)


def _bare(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    is_time = isinstance(column.type, UtcTime)
    return sa.type_coerce(column, sa.BigInteger) if is_time else column


def _made(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)
