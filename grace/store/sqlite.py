"""A log in a SQLite file: ours or new, never somebody else's, and never a newer one."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from grace.errors import BadInput, NotOurs
from grace.store.safety_copy import make_copy
from grace.store.turns import taking_turns
from grace.store.upgrading import KNOWN_REVISIONS, REVISION, upgrade

__all__ = ["be_patient", "in_turn", "open_sqlite"]

BUSY_SECONDS = 60
# so many pages, 64 MiB, are written before the log beside the file is worked into it, which holds
# up all who wait: a call of the logger writes four to ten, and not one in a hundred is to wait
WAL_PAGES = 16_000
COURTESY_SECONDS = 1.0  # whoever has the turn may be stopped, and yet not be writing


def open_sqlite(url: str, path: Path, *, create: bool) -> Engine:
    """As `grace.store.database.open_store`, which says what is raised."""
    if not create and _is_blank(path):
        raise BadInput(f"there is no Grace database at {path}; `grace up` makes one")
    if not _is_current_now(path):
        _migrate(url, path)
    return _engine(url)


def be_patient(connection: sqlite3.Connection, seconds: float) -> None:
    """How long this connection waits for one that writes."""
    connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


@contextmanager
def in_turn(connection: Connection) -> Iterator[None]:
    """Begin, write and commit behind those who came first, and before those who come later."""
    raw: Any = connection.connection.driver_connection
    patience = raw.execute("PRAGMA busy_timeout").fetchone()[0] / 1000
    queue = Path(str(connection.engine.url.database)).with_suffix(".turns")
    begin = monotonic()
    with taking_turns(queue, min(patience, COURTESY_SECONDS)):
        waited = monotonic() - begin
        be_patient(raw, max(patience - waited, 0))
        try:
            yield
        finally:
            be_patient(raw, patience)


def _is_current_now(path: Path) -> bool:
    """As `_is_current`; what looks strange while somebody makes it is looked at again."""
    try:
        return _is_current(path)
    except NotOurs:
        if not _guard(path).exists():
            raise
        with _migrating(path):
            return _is_current(path)


def _guard(path: Path) -> Path:
    return path.with_suffix(".migrating")


@contextmanager
def _migrating(path: Path) -> Iterator[None]:
    """One process at a time makes or migrates a database."""
    with open(_guard(path), "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def _is_blank(path: Path) -> bool:
    """Nothing, or what a process left that was killed while it made a database: no table."""
    return not path.exists() or path.stat().st_size == 0 or _revision(path) is None


def _is_current(path: Path) -> bool:
    """Whether the database is there and up to date; looks without writing anything."""
    if not path.exists() or path.stat().st_size == 0 or (revision := _revision(path)) is None:
        return False
    if revision not in KNOWN_REVISIONS:
        raise NotOurs(f"{path} was made by a newer Grace (schema {revision}); upgrade Grace first")
    return revision == REVISION


def _revision(path: Path) -> str | None:
    """None where there is no table at all."""
    # without a log beside it nothing of the file is elsewhere, and looking need not make one
    untouched = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    address = f"file:{quote(str(path))}?mode=ro{untouched}"
    try:
        connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)
        try:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if not tables:
                return None
            if not {"alembic_version", "ledger_head"} <= tables:
                raise NotOurs(f"{path} is a database, but not Grace's; name another file")
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as problem:
        raise NotOurs(f"{path} cannot be read as a SQLite database: {problem}") from None
    if found is None:
        raise NotOurs(f"{path} does not say which schema it has: put back a copy of it")
    return str(found[0])


def _engine(url: str) -> Engine:
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin alone
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")


def _begin(connection: Connection) -> None:
    """A writer takes the lock at once: two that read first would deadlock when both write."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(url: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    is_old = not _is_blank(path)
    try:
        with _migrating(path):
            if not _is_current(path):
                _upgrade(url, path)
    except (OSError, sqlite3.Error, sa.exc.DBAPIError) as problem:
        if not is_old:
            raise
        raise BadInput(_not_migrated(path, problem)) from problem


def _not_migrated(path: Path, problem: Exception) -> str:
    reason = " ".join(str(getattr(problem, "orig", None) or problem).split())
    return (
        f"{path} has the schema of an older release and was left as it is, because it could not be "
        f"copied and migrated ({reason}): {path.parent} must be writable and have "
        f"{path.stat().st_size / 2**20:,.0f} MiB free"
    )


def _upgrade(url: str, path: Path) -> None:
    before = None if _is_blank(path) else _revision(path)
    engine = _engine(url)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        # behind the lock of this transaction: nobody can log between the copy and the change
        if before is not None:
            make_copy(path, before, datetime.now(UTC))
        upgrade(connection)
    engine.dispose()
