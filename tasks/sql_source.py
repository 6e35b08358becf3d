"""The log tables of somebody's database, and their rows as they come.

Values are taken as the driver gives them. A log of Grace itself is read by Grace's own types, the
newest revision of each row alone.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Inspector

from grace.errors import BadInput
from grace.ingestion.loose import INGESTIBLE, ingestible, knows
from grace.ingestion.outside import OutsideRow
from grace.ingestion.reasons import shown
from tasks.sql_engine import SqlAddress, telling

__all__ = ["SqlDatabase", "SqlTable", "open_database"]

ROWS = 2000  # fetched at a time
GRACE = {"alembic_version", "ledger_head", "ledger_tiles"}
ROWIDS = ("rowid", "_rowid_", "oid")

Select = sa.Select[tuple[Any, ...]]


@dataclass(frozen=True)
class SqlTable:
    """`key` names its rows; `pages` is the column by which it is read some thousand rows at a time.

    A table without the latter is read by one statement, in the order of its key.
    """

    name: str
    log: str
    columns: tuple[str, ...]
    json: frozenset[str] = frozenset()
    key: tuple[str, ...] = ()
    pages: str | None = None


@dataclass(frozen=True)
class SqlDatabase:
    address: SqlAddress
    engine: Engine
    is_grace: bool
    tables: tuple[SqlTable, ...]

    def rows(self, table: SqlTable) -> Iterator[OutsideRow]:
        """Raises BadInput where the table cannot be read to its end."""
        if not any(knows(table.log, name) for name in table.columns):
            raise BadInput(f"{self.address.name} {table.name}: none of its columns is one of ours")
        with telling(self.address, table.name):
            for number, row in enumerate(self._fetched(table), 1):
                place, values = row[: -len(table.columns)], row[-len(table.columns) :]
                content = dict(zip(table.columns, values, strict=True))
                yield OutsideRow(table.log, _position(table, place, number), content)

    def _fetched(self, table: SqlTable) -> Iterator[Sequence[Any]]:
        """Each row begins with the columns of `pages` and `key`."""
        query = _of_grace(table) if self.is_grace else _of_others(table)
        if table.pages is None:
            ordered = query.order_by(*(sa.column(name) for name in table.key))
            with self.engine.connect() as connection:
                streamed = connection.execution_options(stream_results=True, yield_per=ROWS)
                yield from streamed.execute(ordered)
            return
        place = query.selected_columns[0]
        query, last = query.order_by(place).limit(ROWS), None
        while True:
            page = query if last is None else query.where(place > last)
            with self.engine.connect() as connection:  # let go between pages: others write
                rows = connection.execute(page).all()
            yield from rows
            if len(rows) < ROWS:
                return
            last = rows[-1][0]


@contextmanager
def open_database(address: SqlAddress) -> Iterator[SqlDatabase]:
    """Raises BadInput where it cannot be opened, or has none of the log tables."""
    engine = address.engine()
    try:
        with telling(address), engine.connect() as connection, warnings.catch_warnings():
            warnings.simplefilter("ignore", sa.exc.SAWarning)  # types that SQLAlchemy has not
            inspector = sa.inspect(connection)
            tables, views = inspector.get_table_names(), inspector.get_view_names()
            is_grace = set(tables) >= GRACE
            named = _named([*tables, *views])
            found = tuple(
                _grace_table(inspector, log) if is_grace else _table(inspector, name, log, views)
                for log, name in named.items()
            )
        if not found:
            raise BadInput(f"{address.name} has none of the tables {', '.join(INGESTIBLE)}")
        yield SqlDatabase(address, engine, is_grace, found)
    finally:
        engine.dispose()


def _named(names: Sequence[str]) -> dict[str, str]:
    """By log table the table of its name, in any case; a name that is just the same goes first."""
    found: dict[str, str] = {}
    for log in INGESTIBLE:
        same = sorted((name for name in names if name.lower() == log), key=lambda name: name != log)
        if same:
            found[log] = same[0]
    return found


def _grace_table(inspector: Inspector, log: str) -> SqlTable:
    there = {column["name"] for column in inspector.get_columns(log)}
    columns = tuple(name for name in ingestible(log).payload if name in there)
    return SqlTable(log, log, columns, pages="ledger_index")


def _table(inspector: Inspector, name: str, log: str, views: Sequence[str]) -> SqlTable:
    described = inspector.get_columns(name)
    columns = tuple(column["name"] for column in described)
    kept_as_json = frozenset(one["name"] for one in described if isinstance(one["type"], sa.JSON))
    is_sqlite = inspector.dialect.name == "sqlite"
    key = () if name in views else tuple(inspector.get_pk_constraint(name)["constrained_columns"])
    pages = None
    if is_sqlite and name not in views:
        pages = _rowid(inspector, name, columns)
    return SqlTable(name, log, columns, frozenset() if is_sqlite else kept_as_json, key, pages)


def _rowid(inspector: Inspector, table: str, columns: Sequence[str]) -> str | None:
    """How the number that SQLite gives each row is called, if this table has it."""
    plain = {column.lower() for column in columns}
    free = next((name for name in ROWIDS if name not in plain), None)
    options = inspector.get_table_options(table)
    return None if options.get("sqlite_with_rowid") is False else free


def _of_others(table: SqlTable) -> Select:
    leading = ([table.pages] if table.pages else []) + list(table.key)
    columns: list[sa.ColumnElement[Any]] = [sa.column(name) for name in leading]
    for name in table.columns:
        column: sa.ColumnClause[Any] = sa.column(name)
        # as text: a driver that parses JSON makes null of the text `null`
        columns.append(sa.cast(column, sa.Text) if name in table.json else column)
    labelled = [column.label(f"c{number}") for number, column in enumerate(columns)]
    return sa.select(*labelled).select_from(sa.table(table.name))


def _of_grace(table: SqlTable) -> Select:
    """The newest revision of each row that was not erased."""
    log = ingestible(table.log)
    rows, later = log.table, log.table.alias("later")
    same_key = [rows.c[name] == later.c[name] for name in log.key]
    superseded = sa.exists().where(*same_key, later.c.revision > rows.c.revision)
    columns = [rows.c[name] for name in table.columns]
    return sa.select(rows.c.ledger_index, *columns).where(~superseded, rows.c.salt.is_not(None))


def _position(table: SqlTable, place: Sequence[Any], number: int) -> str:
    if table.key:
        values = place[1:] if table.pages else place
        named = zip(table.key, values, strict=True)
        return " ".join(f"{name}={shown(value)}" for name, value in named)
    return f"{table.pages} {place[0]}" if table.pages else f"row {number}"
