"""A log in PostgreSQL: opening it, sharing it, and what happens where it cannot be reached."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from grace import delivery, log
from grace.errors import BadInput, NotOurs, Unreachable
from grace.notary.verify import verify
from grace.settings import Settings
from grace.spool import take_spool
from grace.store import Store, open_store, postgresql, quarantine
from grace.store.database import be_patient
from grace.store.read import newest
from tests.postgres import Server, database_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OPENING = "import sys; from grace.store import open_store; open_store(sys.argv[1])"
WRITING = """
import sys
from grace import log
for number in range(int(sys.argv[2])):
    log.shard(log_id=f"{sys.argv[1]}-{number}", shard_id=sys.argv[1], success=True)
    log.goal(goal_id="shared", title=f"{sys.argv[1]}-{number}")
"""
on_postgresql = pytest.mark.parametrize("log_url", ["postgresql"], indirect=True)
on_both = pytest.mark.parametrize("log_url", ["sqlite", "postgresql"], indirect=True)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_an_empty_database_becomes_a_log(new_database: Callable[[], str], scheme: str) -> None:
    """By any usual spelling of its address; not where nothing may be made."""
    url = new_database().replace("postgresql", scheme, 1)
    with pytest.raises(BadInput, match=r"no Grace log .*grace up"):
        open_store(url, create=False)
    with open_store(url).writing(NOW) as writer:
        assert writer.append("goals", [{"goal_id": "a"}])
    assert list(newest(open_store(url, create=False), "goals")["goal_id"]) == ["a"]


def test_several_that_come_first_make_one_log(new_database: Callable[[], str]) -> None:
    """One makes it, the others wait for that and take it as it is."""
    url = new_database()
    opening = [subprocess.Popen([sys.executable, "-c", OPENING, url]) for _ in range(4)]
    assert [one.wait() for one in opening] == [0] * 4
    with open_store(url).writing(NOW) as writer:
        assert writer.size == 0


def test_what_is_not_ours_or_newer_or_older_is_left_alone(
    new_database: Callable[[], str], postgres: Server
) -> None:
    """An older one is migrated once somebody says that there is a dump."""
    url = new_database()
    name = database_of(url)
    postgres.execute("CREATE TABLE orders (id int)", database=name)
    with pytest.raises(NotOurs, match="not Grace's"):
        open_store(url)
    postgres.execute("DROP TABLE orders", database=name)
    open_store(url).engine.dispose()
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", database=name)
    with pytest.raises(NotOurs, match=r"newer Grace .*9999"):
        open_store(url)
    older = (
        "DROP TABLE quarantine, rollups, recent_rows",
        "DROP INDEX ix_own_learning_id, ix_own_focus_area",
        "UPDATE alembic_version SET version_num = '0001'",
    )
    postgres.execute(*older, database=name)
    with pytest.raises(BadInput, match=r"schema 0001 .*pg_dump.*grace migrate --dumped"):
        open_store(url)
    with open_store(url, dumped=True).reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM quarantine").scalar_one() == 0


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://ann:secret@127.0.0.1:1/grace", "refused"),
        ("postgresql://ann:secret@/grace?host=/nowhere", "No such file"),
        ("nope", 'database "nope" does not exist'),
        ("nobody", 'role "nobody" does not exist'),
    ],
)
def test_a_server_that_does_not_let_us_in_is_one_line(
    postgres: Server, address: str, said: str
) -> None:
    """It names the place and the reason, and never the password."""
    known = {"nope": postgres.url("nope"), "nobody": postgres.url("postgres", user="nobody")}
    with pytest.raises(Unreachable, match=said) as refused:
        open_store(known.get(address, address))
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_password_is_said_and_not_shown(
    new_database: Callable[[], str], postgres: Server
) -> None:
    """The server asks for one over its socket, too, once it is told to."""
    folder = Path(postgres.ask("SHOW data_directory", "postgres"))
    rules = folder / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all ann scram-sha-256\n{before}")
    try:
        postgres.execute("CREATE ROLE ann LOGIN PASSWORD 'right'", "SELECT pg_reload_conf()")
        url = new_database().replace("postgres@", "ann:secret@")
        with pytest.raises(Unreachable, match="password authentication failed") as refused:
            open_store(url)
        assert "secret" not in str(refused.value)
    finally:
        rules.write_text(before)
        postgres.execute("DROP ROLE ann", "SELECT pg_reload_conf()")


@on_postgresql
def test_a_writer_that_waits_too_long_says_so(store: Store, settings: Settings) -> None:
    """The head of the ledger is locked by another: one line, and nothing is logged."""
    rival = open_store(settings.url)
    be_patient(rival, 0.05)
    with store.writing(NOW):
        with pytest.raises(Unreachable, match="lock timeout"), rival.writing(NOW):
            pass
        with rival.reading() as connection:  # a reader never waits
            assert connection.exec_driver_sql("SELECT count(*) FROM goals").scalar_one() == 0


@on_postgresql
def test_what_is_logged_while_the_server_is_away_comes_in_later(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A logging call never breaks its caller; each row is there once when it is back."""
    right = settings.url
    monkeypatch.setenv("GRACE_DATABASE_URL", "postgresql://ann:secret@127.0.0.1:1/grace")
    assert log.goal(goal_id="a", title="while away") == 0
    assert "the log cannot be reached" in caplog.text
    assert "secret" not in caplog.text
    store = open_store(right)
    spool = settings.log_dir / "spool"
    assert sum(one.landed for one in take_spool(store, spool, NOW).sources) == 1
    assert take_spool(store, spool, NOW).sources == ()
    assert list(newest(store, "goals")["title"]) == ["while away"]


@on_postgresql
@pytest.mark.parametrize(("idle", "landed"), [(0, 1), (60, 0)])
def test_a_connection_that_the_server_ended_is_made_anew(
    settings: Settings, postgres: Server, monkeypatch: pytest.MonkeyPatch, idle: int, landed: int
) -> None:
    """As after a restart of the server: the next call lands, or within a second waits to."""
    assert log.goal(goal_id="a") == 1
    monkeypatch.setattr(postgresql, "IDLE_SECONDS", idle)
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"
    name = database_of(settings.url)
    postgres.execute(others.format(name))
    assert log.goal(goal_id="b") == landed
    store = open_store(settings.url)
    take_spool(store, settings.log_dir / "spool", NOW)
    assert list(newest(store, "goals")["goal_id"]) == ["a", "b"]


@on_postgresql
def test_text_that_postgresql_cannot_hold_goes_to_the_quarantine_whole(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """U+0000: the others land, and in JSON it is an escape, which lands too."""
    rows = [
        {"goal_id": "a", "title": "fine"},
        {"goal_id": "b", "title": "nul \x00 here"},
        {"goal_id": "c", "extra": {"note": "nul \x00 here"}},
    ]
    assert log.batch("goals", rows) == 2
    assert "1 of 3 rows go to the quarantine: has U+0000" in caplog.text
    store = open_store(settings.url)
    (kept,) = quarantine.entries(store)
    assert kept.reason.startswith("text: title: has U+0000, which PostgreSQL cannot hold")
    assert "nul \\u0000 here" in kept.row
    extra = newest(store, "goals").set_index("goal_id")["extra"]["c"]
    assert extra == '{"note":"nul \\u0000 here"}'


@on_postgresql
def test_floats_and_commits_do_not_depend_on_the_servers_settings(
    settings: Settings, postgres: Server
) -> None:
    """A server may be told to round, and to confirm before it has written."""
    name = database_of(settings.url)
    change = f"ALTER DATABASE {name} SET "
    postgres.execute(f"{change}extra_float_digits = -5", f"{change}synchronous_commit = off")
    try:
        store = open_store(settings.url)
        with store.writing(NOW) as writer:
            writer.append("goals", [{"goal_id": "a", "progress": 0.1 + 0.2}])
        with store.reading() as connection:
            assert (
                connection.exec_driver_sql("SELECT progress FROM goals").scalar_one() == 0.1 + 0.2
            )
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
        store.engine.dispose()
        assert verify(settings, open_store(settings.url)).ok
    finally:
        postgres.execute(f"ALTER DATABASE {name} RESET ALL")


@on_postgresql
def test_a_role_needs_few_rights_to_log(settings: Settings, postgres: Server) -> None:
    """Those that docs/operations.md names; it can change nothing that was logged."""
    name = database_of(settings.url)
    open_store(settings.url).engine.dispose()
    postgres.execute(
        "CREATE ROLE logger LOGIN",
        "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO logger",
        "GRANT UPDATE ON ledger_head, ledger_tiles, quarantine TO logger",
        "GRANT DELETE ON cursors TO logger",
        database=name,
    )
    try:
        store = open_store(settings.url.replace("postgres@", "logger@"))
        with store.writing(NOW) as writer:
            assert writer.append("goals", [{"goal_id": "a"}])
            writer.set_cursor("reader", 1)
        with pytest.raises(Unreachable, match="permission denied"), store.writing(NOW) as writer:
            writer.connection.exec_driver_sql("UPDATE goals SET title = 'x'")
        store.engine.dispose()
    finally:
        postgres.execute("DROP OWNED BY logger", "DROP ROLE logger", database=name)


def test_a_log_in_a_schema_of_its_own(
    new_database: Callable[[], str], postgres: Server, settings: Settings
) -> None:
    """Beside somebody else's tables, in the same database."""
    url = new_database()
    name = database_of(url)
    postgres.execute("CREATE TABLE orders (id int)", "CREATE SCHEMA own", database=name)
    store = open_store(f"{url}&options=-csearch_path%3Down")
    with store.writing(NOW) as writer:
        writer.append("goals", [{"goal_id": "a"}])
    assert verify(settings, store).ok
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), store.writing(NOW) as writer:
        writer.connection.exec_driver_sql("TRUNCATE goals")


def _many(settings: Settings, calls: int) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITING, f"w{n}", str(calls)]) for n in range(8)
    ]
    assert [writer.wait() for writer in writers] == [0] * 8
    store = open_store(settings.url)
    take_spool(store, settings.log_dir / "spool", datetime.now(UTC) + timedelta(seconds=1))
    names = {f"w{n}-{number}" for n in range(8) for number in range(calls)}
    shards = newest(store, "shard_logs")
    assert sorted(shards["log_id"]) == sorted(names)
    with store.reading() as connection:
        query = "SELECT title, revision, ledger_index FROM goals ORDER BY ledger_index"
        goals = connection.exec_driver_sql(query).all()
    assert {row[0] for row in goals} == names
    assert [row[1] for row in goals] == list(range(1, len(names) + 1))
    indices = [*shards["ledger_index"], *(row[2] for row in goals)]
    assert sorted(indices) == list(range(2 * len(names)))
    found = verify(settings, store)
    assert (found.ok, found.size) == (True, 2 * len(names))


@on_both
def test_eight_processes_lose_nothing_and_leave_one_tree(settings: Settings) -> None:
    """Every call is there once, revisions and indices have no gap, and the tree is that of all."""
    _many(settings, 5)


@pytest.mark.slow
@on_both
def test_eight_processes_for_long(settings: Settings) -> None:
    """As above, two thousand rows a writer."""
    _many(settings, 1000)


def test_the_place_of_a_log_on_a_server_needs_no_file() -> None:
    """Otherwise each call would open it anew."""
    assert delivery._file("postgresql://ann@host/grace") == (0, 0)
