"""Opening a database: ours or new, never somebody else's, and never a newer one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from grace.errors import BadInput
from grace.store import postgresql, sqlite
from grace.store.append import Expected, Writer
from grace.store.schema import cursors
from grace.store.upgrading import KNOWN_REVISIONS, REVISION

__all__ = ["KNOWN_REVISIONS", "REVISION", "Store", "be_patient", "open_store"]


@dataclass(frozen=True)
class Store:
    """`writing` and `reading` raise Unreachable where PostgreSQL does not answer in time."""

    engine: Engine

    @contextmanager
    def writing(self, now: datetime, expected: Expected | None = None) -> Iterator[Writer]:
        """One transaction: everything appended in it commits together, or nothing does."""
        with self._transaction(writes=True) as connection:
            writer = Writer(connection, now, expected)
            yield writer
            writer.finish()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent snapshot."""
        with self._transaction(**self._snapshot) as connection:
            yield connection

    def cursor(self, reader: str) -> object | None:
        """Where a reader stopped, as `Writer.set_cursor` kept it."""
        query = sa.select(cursors.c.position).where(cursors.c.reader == reader)
        with self.reading() as connection:
            position = connection.execute(query).scalar_one_or_none()
        return None if position is None else json.loads(position)

    @property
    def _snapshot(self) -> dict[str, Any]:
        return postgresql.SNAPSHOT if self._is_postgresql else {}

    @property
    def _is_postgresql(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def _transaction(self, **options: Any) -> Iterator[Connection]:
        told = postgresql.plainly(self.engine.url) if self._is_postgresql else nullcontext()
        with told, self.engine.connect() as plain:
            connection = plain.execution_options(**options)
            takes_turns = options.get("writes") and not self._is_postgresql
            with sqlite.in_turn(connection) if takes_turns else nullcontext(), connection.begin():
                yield connection


def open_store(url: str, *, create: bool = True, dumped: bool = False) -> Store:
    """The store at a SQLAlchemy URL; made when `create`, and migrated once a copy of it is there.

    A SQLite file is copied beside itself; of a PostgreSQL database somebody has to say that it is
    `dumped`. Raises NotOurs for a database that is not Grace's or comes from a newer Grace,
    Unreachable where PostgreSQL does not let us in, BadInput for a URL this release cannot open,
    where there is no copy before migrating or, without `create`, where nothing is yet.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return Store(sqlite.open_sqlite(url, Path(parsed.database), create=create))
    if parsed.drivername in postgresql.DRIVERS and parsed.database:
        return Store(postgresql.open_postgresql(parsed, create=create, dumped=dumped))
    raise BadInput(
        "the log is kept in SQLite (sqlite:////path/to/grace.db) or in PostgreSQL "
        f"(postgresql://user@host/database); got {parsed!s}"
    )


def be_patient(store: Store, seconds: float) -> None:
    """From now on, wait so long for others that write, and no longer."""
    dialect = postgresql if store.engine.dialect.name == "postgresql" else sqlite

    def set_patience(connection: Any, record: object) -> None:
        dialect.be_patient(connection, seconds)

    sa.event.listen(store.engine, "connect", set_patience)
    store.engine.dispose()  # those that are open already were made without


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except sa.exc.ArgumentError:
        raise BadInput(
            "the address of the log is no database URL; try sqlite:////path/to/grace.db or "
            "postgresql://user@host/database"
        ) from None
