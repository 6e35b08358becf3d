"""A log in a PostgreSQL database: ours or new, never somebody else's, and never a newer one.

Grace's tables are those of the connection's current schema. What differs from SQLite is that the
writers' lock is the row of the ledger's head, and that a person makes the dump before a migration.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from grace.errors import BadInput, NotOurs, Unreachable
from grace.store.upgrading import KNOWN_REVISIONS, REVISION, upgrade

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy.pool import ConnectionPoolEntry

__all__ = ["DRIVERS", "SNAPSHOT", "be_patient", "open_postgresql", "plainly"]

DRIVERS = ("postgresql", "postgresql+psycopg", "postgres")
SNAPSHOT: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
BUSY_SECONDS = 60
CONNECT_SECONDS = 10
IDLE_SECONDS = 1
MIGRATING = 0x67_72_61_63_65  # "grace": the advisory lock of whoever makes or migrates the tables
NO_RIGHT = "42501"

# an extension may have put views of its own into the schema
TABLES = """
    SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = current_schema() AND relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e')
"""
# floats to the bit, and what is committed is on the disk, however the server is configured
SESSION = """
    SELECT set_config('extra_float_digits', '1', false), set_config('synchronous_commit',
    CASE mode WHEN 'off' THEN 'on' ELSE mode END, false)
    FROM current_setting('synchronous_commit') mode
"""


def open_postgresql(url: URL, *, create: bool, dumped: bool) -> Engine:
    """As `grace.store.database.open_store`, which says what is raised."""
    engine = _engine(url.set(drivername="postgresql+psycopg"))
    with ExitStack() as unless_open:
        unless_open.callback(engine.dispose)
        with plainly(url):
            _prepare(engine, create=create, dumped=dumped)
        unless_open.pop_all()
    return engine


def be_patient(connection: "psycopg.Connection[Any]", seconds: float) -> None:
    """How long this connection waits for one that writes."""
    connection.execute(
        "SELECT set_config('lock_timeout', %s, false)", [f"{round(seconds * 1000)}ms"]
    )
    connection.commit()


@contextmanager
def plainly(url: URL) -> Iterator[None]:
    """What the server or the way to it refuses becomes Unreachable: one line, no password."""
    try:
        yield
    except sa.exc.DBAPIError as problem:
        if not isinstance(problem, sa.exc.OperationalError) and _code(problem) != NO_RIGHT:
            raise
        where = url.set(drivername="postgresql").render_as_string(hide_password=True)
        said = str(problem.orig).split("\nDETAIL:")[0].split("\nHINT:")[0]
        raise Unreachable(
            f"the log in {where} cannot be reached: {' '.join(said.split())}"
        ) from problem


def _code(problem: sa.exc.DBAPIError) -> str | None:
    return getattr(problem.orig, "sqlstate", None)


def _engine(url: URL) -> Engine:
    patience = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
    engine = sa.create_engine(url, connect_args=patience)
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "checkin", _note_idle)
    sa.event.listen(engine, "checkout", _check_alive)
    return engine


def _note_idle(connection: object, record: "ConnectionPoolEntry") -> None:
    record.info["idle_since"] = monotonic()


def _check_alive(
    connection: "psycopg.Connection[Any]", record: "ConnectionPoolEntry", proxy: object
) -> None:
    """A server may have been started again meanwhile; asking at every call would cost a fifth."""
    import psycopg

    if monotonic() - record.info.get("idle_since", monotonic()) < IDLE_SECONDS:
        return
    try:
        connection.execute("")
        connection.rollback()
    except psycopg.OperationalError as problem:
        raise sa.exc.DisconnectionError from problem  # then the pool takes a new one


def _configure(connection: "psycopg.Connection[Any]", record: object) -> None:
    connection.execute(SESSION)
    be_patient(connection, BUSY_SECONDS)


def _prepare(engine: Engine, *, create: bool, dumped: bool) -> None:
    with engine.connect() as connection:
        revision = _revision(connection)
    if revision == REVISION:
        return
    if revision is None and not create:
        raise BadInput(f"there is no Grace log in {_name(engine)}; `grace up` makes one")
    with engine.begin() as connection:
        # several may have seen the same: the first one does it, the others wait and look again
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATING})")
        revision = _revision(connection)
        if revision == REVISION:
            return
        if revision is None:
            _check_encoding(connection)
        elif not dumped:
            raise BadInput(
                f"the log in {_name(engine)} has the schema {revision} of an older release and was "
                "left as it is: take a dump of it (pg_dump), then `grace migrate --dumped`"
            )
        upgrade(connection)


def _revision(connection: Connection) -> str | None:
    """None where nothing is there yet."""
    name = _name(connection.engine)
    tables = set(connection.exec_driver_sql(TABLES).scalars())
    if not tables:
        return None
    if not {"alembic_version", "ledger_head"} <= tables:
        raise NotOurs(f"{name} is a database, but not Grace's; name another one")
    version = sa.text("SELECT version_num FROM alembic_version")
    found: str | None = connection.execute(version).scalar_one_or_none()
    if found is None:
        raise NotOurs(f"{name} does not say which schema it has: put back a dump of it")
    if found not in KNOWN_REVISIONS:
        raise NotOurs(f"{name} was made by a newer Grace (schema {found}); upgrade Grace first")
    return found


def _check_encoding(connection: Connection) -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise BadInput(
            f"{_name(connection.engine)} keeps text as {encoding}, which cannot hold every log: "
            "make it with ENCODING 'UTF8'"
        )


def _name(engine: Engine) -> str:
    return f"the PostgreSQL database {engine.url.database!r}"
