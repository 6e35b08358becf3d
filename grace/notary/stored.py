"""What a database holds, as bytes: what the notary asks of SQLite and of PostgreSQL alike.

Queries are written for SQLite; what PostgreSQL has other words for is asked by `is_sqlite`.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import psycopg
    import sqlalchemy as sa

__all__ = ["PostgresStored", "Stored", "is_sqlite", "stored_bytes", "unreadable"]

PAGE = 512  # rows the server sends at a time
# in the order of the table itself, which one reader alone gives, from the beginning
PLAIN_READING = """
    SELECT set_config('synchronize_seqscans', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true)
"""


class Stored(Protocol):
    """A SQLite connection, or what speaks to PostgreSQL in its manner."""

    def execute(self, query: str, parameters: Any = ..., /) -> Any: ...


def is_sqlite(connection: Stored) -> bool:
    return isinstance(connection, sqlite3.Connection)


def unreadable() -> tuple[type[Exception], ...]:
    """What the databases raise where they cannot be read whole."""
    import psycopg
    import sqlalchemy as sa

    return sqlite3.DatabaseError, sa.exc.DatabaseError, psycopg.DatabaseError


@contextmanager
def stored_bytes(connection: "sa.Connection") -> Iterator[Stored]:
    """The driver's own connection, giving text as bytes: verified is what the database holds."""
    raw: Any = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        raw.execute(PLAIN_READING)
        yield PostgresStored(raw)
        return
    before, raw.text_factory = raw.text_factory, bytes
    try:
        raw.execute("SELECT count(*) FROM sqlite_master")  # the snapshot begins with a first read
        yield raw
    finally:
        raw.text_factory = before


class PostgresStored:
    """One transaction of PostgreSQL; `?` marks a parameter, truths are 1 and 0."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection
        self._names = map("grace_{}".format, count())
        self._loaders = _loaders()

    def execute(self, query: str, parameters: Sequence[object] = ()) -> Any:
        """With parameters one row or few, else any number of them, a page at a time."""
        if parameters:
            cursor = self._prepared(self._connection.cursor())
            return cursor.execute(query.replace("?", "%s"), parameters)
        paged = self._prepared(self._connection.cursor(next(self._names)))
        paged.itersize = PAGE
        return paged.execute(query)

    def _prepared(self, cursor: Any) -> Any:
        for name, loader in self._loaders.items():
            cursor.adapters.register_loader(name, loader)
        return cursor


def _loaders() -> dict[str, Any]:
    from psycopg.adapt import Loader

    class Bytes(Loader):
        def load(self, data: Any) -> bytes:
            return bytes(data)

    class Truth(Loader):
        def load(self, data: Any) -> int:
            return int(bytes(data) == b"t")

    return {"text": Bytes, "varchar": Bytes, "name": Bytes, "bool": Truth}
