"""Large logs are read by two processes, and what is found is what one alone would find."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from grace.errors import Unreachable
from grace.jobs import Job, Submit, processes
from grace.notary import second_reader
from grace.notary.second_reader import OlderJob
from grace.store.schema import LOGS
from tests.tampering import Log, recompute

FULL = Path("/dev/full")
ROWS = 4 * len(LOGS)  # the first two of each table's four are the older half


Jobs = list["Future[None]"]


@pytest.fixture(autouse=True)
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """However small the log is, and on one core too: what the second process was given to do."""
    given: Jobs = []

    @contextmanager
    def noting(most: int) -> Iterator[Submit]:
        with processes(most) as submit:

            def note(job: Job) -> "Future[None]":
                given.append(submit(job))
                return given[-1]

            yield note

    monkeypatch.setattr(second_reader, "FEWEST_ROWS", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(second_reader, "processes", noting)
    return given


def ends(jobs: Jobs) -> list[type]:
    return [type(job.exception()) for job in jobs]


def test_an_untouched_log_verifies(signed: Log, jobs: Jobs) -> None:
    """Nothing is read twice, nothing left out; a table without rows is no trouble."""
    found = signed.verify()
    assert (found.ok, found.size) == (True, ROWS)
    assert ends(jobs) == [type(None)]


def test_a_log_of_one_table_verifies(tall: Log, jobs: Jobs) -> None:
    """Fifteen others are empty."""
    found = tall.verify()
    assert (found.ok, found.size) == (True, 700)
    assert ends(jobs) == [type(None)]


@pytest.mark.parametrize("index", [0, 20, 31, 32, 50, 63])
def test_an_edit_is_found_in_either_half(signed: Log, jobs: Jobs, index: int) -> None:
    """At its place."""
    with signed.attack() as connection:
        table = signed.table_at(connection, index)
        connection.execute(f"UPDATE {table} SET source = 'x' WHERE ledger_index = {index}")
    found = signed.verify()
    assert (found.kind, found.first_bad_index, len(jobs)) == ("edited", index, 1)


def test_a_row_of_the_older_half_that_stands_in_the_newer_one_too_is_found(signed: Log) -> None:
    """Each copy fits its leaf, and with another row away the count is right."""
    first = list(LOGS).index("goals")
    third = first + 2 * len(LOGS)
    with signed.attack() as connection:
        names = ", ".join(f'"{row[1]}"' for row in _columns(connection))
        _without_unique(connection)
        query = "SELECT rowid FROM goals WHERE ledger_index = ?"
        (place,) = connection.execute(query, (third,)).fetchone()
        connection.execute("DELETE FROM goals WHERE rowid = ?", (place,))
        copy = f"INSERT INTO goals (rowid, {names}) SELECT ?, {names} FROM goals"
        connection.execute(f"{copy} WHERE ledger_index = ?", (place, first))
    found = signed.verify()
    assert (found.ok, found.first_bad_index) == (False, first)


def _without_unique(connection: sqlite3.Connection) -> None:
    """Give `goals` its rows back without any constraint."""
    columns = ", ".join(f'"{row[1]}" {row[2]}' for row in _columns(connection))
    connection.execute("ALTER TABLE goals RENAME TO before")
    connection.execute(f"CREATE TABLE goals ({columns})")
    connection.execute("INSERT INTO goals SELECT * FROM before ORDER BY ledger_index")
    connection.execute("DROP TABLE before")


def _columns(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return connection.execute("PRAGMA table_info(goals)").fetchall()


def test_a_recomputed_tail_is_found(signed: Log) -> None:
    """Checkpoints are held against the tree by one process alone."""
    with signed.attack() as connection:
        connection.execute("UPDATE goals SET title = 'better' WHERE ledger_index = 56")
        recompute(connection)
    assert signed.verify().kind == "recomputed"


def test_where_the_second_process_is_killed_one_does_it_all(
    signed: Log, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slower, and as exact."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert (signed.verify().ok, ends(jobs)) == (True, [Unreachable])


def test_where_the_second_process_has_no_room_one_does_it_all(
    signed: Log, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it writes goes to a disk that is full; the job brings the error back."""
    monkeypatch.setattr(second_reader, "Path", lambda *_: FULL)
    assert (signed.verify().ok, ends(jobs)) == (True, [OSError])


def test_what_the_second_process_cannot_read_is_told() -> None:
    with pytest.raises(Unreachable, match="/no/log cannot be read"):
        OlderJob("/no/log", [], "/no/where").run()
