"""The log tables as a verifier reads them, and whether the file still defines them so."""

import sqlite3

from sqlalchemy.dialects import sqlite

from grace.notary.rows import LogRows
from grace.store.schema import LOGS, LogTable, checkpoints, ledger_head, ledger_tiles

__all__ = ["log_rows", "redefined"]

DIALECT = sqlite.dialect()


def log_rows() -> list[LogRows]:
    kept = {
        name: (*log.key, "id", "revision", "recorded_at", "source") for name, log in LOGS.items()
    }
    return [LogRows(name, log.kinds, kept[name]) for name, log in LOGS.items()]


def redefined(connection: sqlite3.Connection) -> str | None:
    """What is not as Grace made it: a view in a table's place, other columns, other types.

    A column's declared type decides how SQLite stores what is written to it, and a view may show
    a verifier one thing and the next reader another.
    """
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    tables = {_name(name) for (name,) in connection.execute(query)}
    for name in (*LOGS, checkpoints.name, ledger_head.name, ledger_tiles.name):
        if name not in tables:
            return f"{name} is not a table any more"
    for log in LOGS.values():
        if _declared(connection, log.name) != _meant(log):
            return f"the columns of {log.name} are not those that Grace made"
    return None


def _meant(log: LogTable) -> list[tuple[str, str]]:
    return [(column.name, column.type.compile(DIALECT)) for column in log.table.c]


def _declared(connection: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
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
