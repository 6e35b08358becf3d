"""The log tables as a verifier reads them, and whether the file still defines them so."""

import sqlite3

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from grace.notary.rows import LogRows
from grace.notary.stored import Stored, is_sqlite
from grace.store.schema import LOGS, LogTable, checkpoints, ledger_head, ledger_tiles

__all__ = ["log_rows", "redefined"]

SQLITE, POSTGRESQL = sqlite.dialect(), postgresql.dialect()  # type: ignore[no-untyped-call]
# no view, and nothing that shows a reader other rows than those of the table
TABLES = """
    SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = current_schema() AND relkind = 'r' AND NOT relrowsecurity
    AND NOT EXISTS (SELECT 1 FROM pg_rewrite WHERE ev_class = c.oid)
    AND NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = c.oid)
"""
COLUMNS = """
    SELECT attname, upper(format_type(atttypid, atttypmod)), attgenerated <> '' FROM pg_attribute
    WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


def log_rows() -> list[LogRows]:
    kept = {
        name: (*log.key, "id", "revision", "recorded_at", "source") for name, log in LOGS.items()
    }
    return [LogRows(name, log.kinds, kept[name]) for name, log in LOGS.items()]


def redefined(connection: Stored) -> str | None:
    """What is not as Grace made it: a view in a table's place, other columns, other types.

    A column's declared type decides how SQLite stores what is written to it, and a view may show
    a verifier one thing and the next reader another.
    """
    on_sqlite = is_sqlite(connection)
    query = "SELECT name FROM sqlite_master WHERE type = 'table'" if on_sqlite else TABLES
    tables = {_name(name) for (name,) in connection.execute(query)}
    for name in (*LOGS, checkpoints.name, ledger_head.name, ledger_tiles.name):
        if name not in tables:
            return f"{name} is not a table any more"
    for log in LOGS.values():
        declared = _declared if on_sqlite else _declared_on_server
        if declared(connection, log.name) != _meant(log, SQLITE if on_sqlite else POSTGRESQL):
            return f"the columns of {log.name} are not those that Grace made"
    return None


def _meant(log: LogTable, dialect: Dialect) -> list[tuple[str, str]]:
    return [(column.name, column.type.compile(dialect)) for column in log.table.c]


def _declared_on_server(connection: Stored, table: str) -> list[tuple[str, str]]:
    columns = connection.execute(COLUMNS, (table,)).fetchall()
    return [(_name(name), _name(kind)) for name, kind, computed in columns if not computed]


def _declared(connection: Stored, table: str) -> list[tuple[str, str]]:
    """Names and types; empty where the table has no rowid or a column that is computed."""
    try:
        connection.execute(f"SELECT rowid FROM {table} LIMIT 0")
    except sqlite3.OperationalError:
        return []
    columns = connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
    if any(column[6] for column in columns):
        return []
    return [(_name(column[1]), _name(column[2])) for column in columns]


def _name(stored: bytes) -> str:
    return stored.decode(errors="replace")
