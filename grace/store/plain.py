"""What a writer says to its database, in the driver's own terms and without a detour.

A time is its whole microseconds here, and `?` marks a parameter. SQLAlchemy's way with a row costs
more than all that the ledger does with it; and to PostgreSQL several statements go at once, for
each one that is waited for keeps every other writer waiting too.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.store.schema import LogTable

__all__ = ["Row", "Statement", "execute", "insert_rows", "newest_rows"]

FEW = 8  # rows that are not worth the round trips of a COPY

Row = tuple[Any, ...]
Statement = tuple[str, Row]


def execute(connection: Connection, *statements: Statement) -> list[list[Row]]:
    """One after the other, each with its parameters; the rows that each one gives."""
    if _on_postgresql(connection):
        return _pipelined(connection, statements)
    found = [connection.exec_driver_sql(query, given or None) for query, given in statements]
    return [[tuple(row) for row in each] if each.returns_rows else [] for each in found]


def insert_rows(connection: Connection, log: LogTable, rows: Sequence[Row]) -> list[Statement]:
    """Whole rows, their cells in the order of the table's columns.

    Gives the statements that are left to be executed, where they are few and can go with others.
    """
    columns = tuple(column.name for column in log.table.c)
    insert = _insert(log.name, columns)
    if not _on_postgresql(connection):
        connection.exec_driver_sql(insert, list(rows))
    elif len(rows) > FEW:
        _copy(connection, f"COPY {log.name} ({_quoted(columns)}) FROM STDIN", rows)
    else:
        return [(insert, row) for row in rows]
    return []


def newest_rows(connection: Connection, log: LogTable, keys: Collection[object]) -> Statement:
    """Gives revision and payload of the newest row of each key whose first column is in `keys`."""
    on_postgresql = _on_postgresql(connection)
    places = "= ANY(?)" if on_postgresql else f"IN ({', '.join('?' * len(keys))})"
    given = (list(keys),) if on_postgresql else tuple(keys)
    return _newest(log.name, log.payload, log.key, places), given


def _on_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


@lru_cache(maxsize=64)
def _insert(table: str, columns: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({_quoted(columns)}) VALUES ({marks})"


@lru_cache(maxsize=64)
def _newest(table: str, payload: tuple[str, ...], key: tuple[str, ...], places: str) -> str:
    same = " AND ".join(f'later."{name}" = a."{name}"' for name in key)
    later = f"SELECT 1 FROM {table} later WHERE {same} AND later.revision > a.revision"
    return (
        f"SELECT revision, {_quoted(payload)} FROM {table} a "
        f'WHERE "{key[0]}" {places} AND NOT EXISTS ({later})'
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _pipelined(connection: Connection, statements: Sequence[Statement]) -> list[list[Row]]:
    """Sent at once and answered at once; PostgreSQL sees them one after the other all the same."""
    with _psycopg(connection, statements[0][0]) as raw:
        with raw.pipeline() if len(statements) > 1 else nullcontext():
            sent = [raw.execute(query.replace("?", "%s"), given) for query, given in statements]
        gives_rows = (query.startswith("SELECT") for query, _ in statements)
        return [
            each.fetchall() if gives else [] for each, gives in zip(sent, gives_rows, strict=True)
        ]


def _copy(connection: Connection, command: str, rows: Sequence[Row]) -> None:
    with (
        _psycopg(connection, command) as raw,
        raw.cursor() as cursor,
        cursor.copy(command) as copy,
    ):
        for row in rows:
            copy.write_row(row)


@contextmanager
def _psycopg(connection: Connection, command: str) -> Iterator[Any]:
    """The driver's own connection, within the same transaction."""
    import psycopg

    try:
        yield connection.connection.driver_connection
    except psycopg.Error as problem:
        # as SQLAlchemy would have told it
        raise sa.exc.DBAPIError.instance(
            command, None, problem, psycopg.Error, dialect=connection.dialect
        ) from problem
