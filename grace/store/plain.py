"""What a writer says to its database, in the driver's own terms and without a detour.

A time is its whole microseconds here, and `?` marks a parameter. SQLAlchemy's way with a row costs
more than all that the ledger does with it.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.store.schema import LogTable

__all__ = ["execute", "insert_rows", "newest_rows"]

FEW = 8  # rows that are not worth the round trips of a COPY

Row = tuple[Any, ...]


def execute(
    connection: Connection, query: str, parameters: Row | Sequence[Row] = ()
) -> sa.CursorResult[Any]:
    """A row of parameters, or as many as there are rows to execute it for."""
    if connection.dialect.name == "postgresql":
        query = query.replace("?", "%s")
    return connection.exec_driver_sql(query, parameters or None)


def insert_rows(connection: Connection, log: LogTable, rows: Sequence[Row]) -> None:
    """Whole rows, their cells in the order of the table's columns."""
    columns = tuple(column.name for column in log.table.c)
    if connection.dialect.name == "postgresql" and len(rows) > FEW:
        _copy(connection, f"COPY {log.name} ({_quoted(columns)}) FROM STDIN", rows)
    else:
        execute(connection, _insert(log.name, columns), rows)


def newest_rows(
    connection: Connection, log: LogTable, keys: Collection[object]
) -> Sequence[sa.Row[Any]]:
    """Revision and payload of the newest row of each key whose first column is one of `keys`."""
    on_postgresql = connection.dialect.name == "postgresql"
    places = "= ANY(?)" if on_postgresql else f"IN ({', '.join('?' * len(keys))})"
    given = (list(keys),) if on_postgresql else tuple(keys)
    return execute(connection, _newest(log.name, log.payload, log.key, places), given).all()


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


def _copy(connection: Connection, command: str, rows: Sequence[Row]) -> None:
    import psycopg

    raw: Any = connection.connection.driver_connection
    try:
        with raw.cursor() as cursor, cursor.copy(command) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as problem:
        # as SQLAlchemy would have told it
        raise sa.exc.DBAPIError.instance(
            command, None, problem, psycopg.Error, dialect=connection.dialect
        ) from problem
