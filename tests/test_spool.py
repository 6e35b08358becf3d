"""Logging calls while the log is away: nothing breaks, nothing is lost, nothing doubles."""

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import grace.spool
from grace import delivery, log
from grace.notary.verify import verify
from grace.spool import Spool, take_file, take_spool
from grace.store import open_store
from grace.store.quarantine import entries
from grace.store.read import newest

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
WRITER = """
import sys
from grace import delivery, log
delivery.BUSY_SECONDS, delivery.REST_SECONDS = 0.001, 0
for number in range(60):
    log.shard(log_id=f"{sys.argv[1]}-{number}", tasks_processed=number)
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """A log that is locked is away at once, and is looked for again with every call."""
    monkeypatch.setattr(delivery, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(delivery, "REST_SECONDS", 0)
    log._delivery.cache_clear()
    delivery._opened.cache_clear()


@pytest.fixture
def folder(settings):
    return settings.log_dir / "spool"


@pytest.fixture
def database(settings):
    """The file of the log."""
    return settings.log_dir / "grace.db"


def ids(settings):
    frame = newest(open_store(settings.url), "healing_attempts")
    return list(frame.sort_values("ledger_index")["attempt_id"])


def lines(folder):
    return [
        json.loads(line)
        for path in sorted(folder.glob("*"))
        for line in path.read_text().splitlines()
    ]


def cursors(store):
    with store.reading() as connection:
        return list(connection.exec_driver_sql("SELECT reader FROM cursors").scalars())


class Locked:
    """Somebody else writes, and does not end."""

    def __init__(self, database):
        self.connection = sqlite3.connect(database, isolation_level=None)

    def __enter__(self):
        self.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *problem):
        self.connection.close()


def test_a_locked_log_is_spooled_and_the_next_ingestion_takes_it(
    settings, store, database, folder, caplog
):
    """The call gives 0 and a warning; afterwards the row is there once, as it was, and verifies."""
    with Locked(database):
        row = {"attempt_id": "a-1", "confidence": 0.1, "attempted_at": NOON, "success": True}
        assert log.healing_attempt(**row, error_type="", metadata={"text": "null"}) == 0
    assert "the log cannot be reached (" in caplog.text
    assert "database is locked" in caplog.text
    taken = take_spool(store, folder, NOON)
    assert (taken.read, taken.landed) == (1, 1)
    (kept,) = newest(store, "healing_attempts").to_dict("records")
    assert (kept["confidence"], bool(kept["success"])) == (0.1, True)
    assert (kept["attempted_at"], kept["error_type"]) == (NOON, "")
    assert (kept["metadata"], kept["source"]) == ('{"text":"null"}', "logger")
    assert list(folder.iterdir()) == []
    assert take_spool(store, folder, NOON).sources == ()
    assert verify(settings, store).ok


def break_file(database):
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_bytes(b"no database at all, " * 500)


def cut_file(database):
    open_store(f"sqlite:///{database}").engine.dispose()
    database.write_bytes(database.read_bytes()[:5000])


def replace_folder(database):
    database.mkdir(parents=True)


@pytest.mark.parametrize("harm", [break_file, cut_file, replace_folder])
def test_a_broken_log_is_spooled(settings, database, folder, harm):
    """Garbage, half a database, a folder in its place: the row waits until it is mended."""
    harm(database)
    assert log.healing_attempt(attempt_id="a-1") == 0
    assert [line["row"]["attempt_id"] for line in lines(folder)] == ["a-1"]
    database.rmdir() if database.is_dir() else database.unlink()
    for rest in database.parent.glob("grace.db-*"):
        rest.unlink()
    assert log.healing_attempt(attempt_id="a-2") == 1
    assert ids(settings) == ["a-1", "a-2"]


def test_a_full_disk_is_spooled(settings, store, folder, monkeypatch):
    """SQLite may grow no further: the whole call is spooled, no half of it is in the log."""
    log.goal(goal_id="g")
    full = delivery.open_live(settings.url)
    with full.engine.connect() as connection:
        (pages,) = connection.exec_driver_sql("PRAGMA page_count").one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    rows = [{"attempt_id": f"a-{n}", "stack_trace": "x" * 5000} for n in range(50)]
    assert log.batch("healing_attempts", rows) == 0
    assert len(lines(folder)) == 50
    full.engine.dispose()
    assert take_spool(store, folder, NOON).landed == 50


def test_a_log_that_was_deleted_is_begun_anew(settings, database):
    """What is logged next is in the new file, and not in one that nobody can open any more."""
    assert log.healing_attempt(attempt_id="a-1") == 1
    for path in database.parent.glob("grace.db*"):
        path.unlink()
    assert log.healing_attempt(attempt_id="a-2") == 1
    assert ids(settings) == ["a-2"]


def test_a_url_that_cannot_be_opened_is_spooled(settings, folder, monkeypatch):
    """A wrong GRACE_DATABASE_URL costs no row."""
    monkeypatch.setenv("GRACE_DATABASE_URL", "oracle://nowhere/at/all")
    assert log.healing_attempt(attempt_id="a-1") == 0
    monkeypatch.delenv("GRACE_DATABASE_URL")
    taken = take_spool(open_store(settings.url), folder, NOON)
    assert taken.landed == 1


@pytest.mark.parametrize("trouble", ["folder", "settings"])
def test_where_nothing_can_be_written_a_warning_holds_the_row(
    settings, tmp_path, caplog, monkeypatch, trouble
):
    """The last resort of a call that must not break: Python's own logging."""
    if trouble == "folder":
        settings.data_dir.write_text("a file where the folder should be")
    else:
        monkeypatch.setenv("GRACE_PORT", "a lot")
    assert log.healing_attempt(attempt_id="a-1", error_type="TimeoutError") == 0
    assert '"attempt_id": "a-1"' in caplog.text
    assert "a row is lost" in caplog.text


def test_rows_land_in_the_order_of_the_calls(settings, store, database):
    """What was spooled goes first: a later outcome stays the newest revision."""
    with Locked(database):
        assert log.healing_attempt(attempt_id="a-1", status="pending") == 0
    assert log.healing_attempt(attempt_id="a-1", status="done") == 1
    (row,) = newest(store, "healing_attempts").to_dict("records")
    assert (row["revision"], row["status"]) == (2, "done")


def test_a_long_spool_is_taken_in_part_by_part(settings, store, database, folder, monkeypatch):
    """No call waits for thousands of rows; each takes some, and stands behind those that wait."""
    monkeypatch.setattr("grace.spool.ROWS_A_TRANSACTION", 3)
    with Locked(database):
        for number in range(6):
            log.healing_attempt(attempt_id=f"a-{number}")
    counts = [log.healing_attempt(attempt_id=f"b-{number}") for number in range(4)]
    assert counts == [0, 0, 1, 1]
    assert ids(settings) == [f"a-{n}" for n in range(6)] + [f"b-{n}" for n in range(4)]
    assert list(folder.iterdir()) == []


def test_a_row_without_a_key_is_logged_once_however_often_it_is_taken(
    settings, store, database, folder
):
    """Its key is fixed when it is spooled: the file put back adds nothing."""
    with Locked(database):
        log.healing_attempt(error_type="TimeoutError")
    (path,) = folder.iterdir()
    text = path.read_bytes()
    assert take_spool(store, folder, NOON).landed == 1
    folder.joinpath("restored.jsonl").write_bytes(text)
    again = take_spool(store, folder, NOON)
    assert (again.landed, again.unchanged) == (0, 1)


def test_a_refused_row_is_spooled_to_the_quarantine(settings, store, database, folder):
    """The reason is that of the call."""
    with Locked(database):
        assert log.goal(goal_id="g", progress="half") == 0
    assert take_spool(store, folder, NOON).quarantined == {"type": 1}
    (kept,) = entries(store)
    assert kept.reason.startswith("type: progress: expected a number")
    assert kept.source == "logger"


def test_a_line_that_was_cut_off_costs_no_other(settings, store, database, folder):
    """A crash in the middle of a line: it is kept as text, the lines around it land."""
    with Locked(database):
        log.healing_attempt(attempt_id="a-1")
        (path,) = folder.iterdir()
        with path.open("ab") as opened:
            opened.write(b'{"table": "healing_attempts", "row": {"atte')
        log.healing_attempt(attempt_id="a-2")
    taken = take_spool(store, folder, NOON)
    assert (taken.landed, taken.quarantined) == (2, {"shape": 1})
    (kept,) = entries(store)
    assert "atte" in json.loads(kept.row)["line"]


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00",
        b"[]",
        b"7",
        b"{}",
        b'{"table": "users", "row": {}}',
        b'{"table": "goals", "row": 7}',
        b'{"refusal": {}}',
        b'{"table": "goals", "row": {"goal_id": "g", "progress": "x"}}',
        b'{"table": [], "row": {}}',
        b"[" * 100_000,
    ],
)
def test_no_line_of_a_spool_file_breaks_an_ingestion(store, folder, line):
    """Whatever came into the file: it is in the quarantine, and the file goes."""
    folder.mkdir(parents=True)
    folder.joinpath("x.jsonl").write_bytes(line + b"\n")
    taken = take_spool(store, folder, NOON)
    assert (taken.read, taken.refused, len(entries(store))) == (1, 1, 1)
    assert list(folder.iterdir()) == []


def test_what_comes_while_a_file_is_taken_is_not_lost(store, folder, monkeypatch):
    """Between the commit and the removal another line arrives: the file stays for it."""
    spool, remove = Spool(folder), grace.spool._remove

    def put(name):
        spool.put([json.dumps({"table": "goals", "row": {"goal_id": name}})], NOON)

    def late(path, end):
        put("b")
        return remove(path, end)

    put("a")
    path = spool.waiting
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("grace.spool._remove", late)
        counts, whole = take_file(store, path, NOON)
    assert (counts.landed, whole, path.exists()) == (1, False, True)
    assert take_file(store, path, NOON)[0].landed == 1
    put("c")
    assert spool.waiting != path
    assert take_spool(store, folder, NOON).landed == 1
    assert sorted(newest(store, "goals")["goal_id"]) == ["a", "b", "c"]


def test_a_spool_taken_but_not_removed_adds_nothing(store, folder, monkeypatch):
    """Killed between commit and removal: the cursor says that all of it is there."""
    spool = Spool(folder)
    spool.put([json.dumps({"table": "goals", "row": {"goal_id": "a"}})], NOON)
    with monkeypatch.context() as killed:
        killed.setattr("grace.spool._remove", lambda path, end: True)
        assert take_spool(store, folder, NOON).landed == 1
    assert cursors(store) == [f"spool:{spool.waiting.name}"]
    assert take_spool(store, folder, NOON).sources == ()
    assert (list(folder.iterdir()), cursors(store)) == ([], [])


def test_many_processes_and_an_ingestion_at_once_lose_nothing(settings, store, folder):
    """Three loggers whose log is locked to and fro while it is taken in: every row once."""
    root = Path(__file__).parents[1]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, f"w{n}"],
            cwd=root,
            stderr=subprocess.DEVNULL,
        )
        for n in range(3)
    ]
    while any(writer.poll() is None for writer in writers):
        with store.writing(NOON):
            pass
        take_spool(store, folder, NOON)
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    take_spool(store, folder, NOON)
    frame = newest(store, "shard_logs")
    assert sorted(frame["log_id"]) == sorted(f"w{n}-{m}" for n in range(3) for m in range(60))
    assert frame["revision"].max() == 1
    assert verify(settings, store).ok
