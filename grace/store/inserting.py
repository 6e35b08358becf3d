"""Rows of a log table to and from its database, in the drivers' own terms and without a detour.

A time is its whole microseconds here. SQLAlchemy's way with a row costs more than all that the
ledger does with it.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.store.schema import LogTable

__all__ = ["insert_rows", "newest_rows"]

FEW = 8  # rows that are not worth the round trips of a COPY

Row = tuple[Any, ...]


def insert_rows(connection: Connection, log: LogTable, rows: Sequence[Row]) -> None:
    """Whole rows, their cells in the order of the table's columns."""
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql(_insert(log.name, _columns(log), "?"), list(rows))
    elif len(rows) <= FEW:
        connection.exec_driver_sql(_insert(log.name, _columns(log), "%s"), list(rows))
    else:
        _copy(connection, log, rows)


def newest_rows(
    connection: Connection, log: LogTable, keys: Collection[object]
) -> Sequence[sa.Row[Any]]:
    """Revision and payload of the newest row of each key whose first column is one of `keys`."""
    on_postgresql = connection.dialect.name == "postgresql"
    places = "= ANY(%s)" if on_postgresql else f"IN ({', '.join('?' * len(keys))})"
    given = (list(keys),) if on_postgresql else tuple(keys)
    query = _newest(log.name, log.payload, log.key).format(places)
    return connection.exec_driver_sql(query, given).all()


def _columns(log: LogTable) -> tuple[str, ...]:
    return tuple(column.name for column in log.table.c)


@lru_cache(maxsize=64)
def _insert(table: str, columns: tuple[str, ...], mark: str) -> str:
    marks = ", ".join([mark] * len(columns))
    return f"INSERT INTO {table} ({_quoted(columns)}) VALUES ({marks})"


@lru_cache(maxsize=32)
def _newest(table: str, payload: tuple[str, ...], key: tuple[str, ...]) -> str:
    same = " AND ".join(f'later."{name}" = a."{name}"' for name in key)
    later = f"SELECT 1 FROM {table} later WHERE {same} AND later.revision > a.revision"
    return (
        f"SELECT revision, {_quoted(payload)} FROM {table} a "
        f'WHERE "{key[0]}" {{}} AND NOT EXISTS ({later})'
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _copy(connection: Connection, log: LogTable, rows: Sequence[Row]) -> None:
    import psycopg

    raw: Any = connection.connection.driver_connection
    command = f"COPY {log.name} ({_quoted(_columns(log))}) FROM STDIN"
    try:
        with raw.cursor() as cursor, cursor.copy(command) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as problem:
        # as SQLAlchemy would have told it
        raise sa.exc.DBAPIError.instance(
            command, None, problem, psycopg.Error, dialect=connection.dialect
        ) from problem
