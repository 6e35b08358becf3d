"""Databases of others into the log, as their drivers give them."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pandas as pd
import pytest

from grace import log
from grace.errors import BadInput
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store import open_store, quarantine
from grace.store.read import newest
from tasks import intake, sql_source
from tasks.ingest_sql import ingest_sql
from tasks.sql_engine import SqlAddress, telling, with_password

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def old(tmp_path):
    """Runs SQL in somebody's SQLite database."""

    def execute(*statements):
        with closing(sqlite3.connect(tmp_path / "old.db")) as connection, connection:
            for statement in statements:
                connection.executescript(statement)

    return execute


@pytest.fixture
def ingest(store, tmp_path):
    def take(url=f"sqlite:///{tmp_path}/old.db", **how):
        return ingest_sql(store, url, NOON, **how)

    return take


def rows(store, table="healing_attempts"):
    frame = newest(store, table)
    key = {"goals": "goal_id"}.get(table, "attempt_id")
    return {row[key]: row for row in frame.to_dict("records")}


OLD = """
CREATE TABLE Healing_Attempts (
    id INTEGER PRIMARY KEY, attempt_id VARCHAR, error_line, success BOOLEAN, attempted_at DATETIME,
    healing_metadata JSON, ml_recommendation TEXT, status, shop TEXT, "odd ""name%" TEXT);
INSERT INTO Healing_Attempts VALUES
    (1, 'a-1', '7', 1, '2026-07-01 12:00:00.000250', '{"page":  13}', 'null', 'odd; ''status''',
     'north', 'x'),
    (2, 'a-2', 8, 0, '2026-07-01', 5, NULL, 3, NULL, NULL),
    (3, 17, 9.0, 'true', NULL, '[]', '"text"', NULL, NULL, NULL);
"""


def test_an_older_database_with_odd_types(settings, store, old, ingest):
    """Names in any case, numbers as text, JSON as its text, unknown columns kept."""
    old(OLD)
    done = ingest(timezone="Europe/Berlin")
    assert (done.read, done.landed, done.refused) == (3, 3, 0)
    found = rows(store)
    assert [found[key]["error_line"] for key in ("a-1", "a-2", "17")] == [7, 8, 9]
    assert [found[key]["success"] for key in ("a-1", "a-2", "17")] == [1, 0, 1]
    one = found["a-1"]
    assert (one["metadata"], one["ml_recommendation"]) == ('{"page":  13}', "null")
    assert one["attempted_at"] == pd.Timestamp("2026-07-01 10:00:00.000250", tz="UTC")
    assert (one["status"], found["a-2"]["status"]) == ("odd; 'status'", "3")
    assert json.loads(one["extra"]) == {"id": 1, "shop": "north", 'odd "name%': "x"}
    assert pd.isna(found["a-2"]["ml_recommendation"])
    assert {row["source"] for row in found.values()} == {"sql"}
    assert verify(settings, store).ok


def test_reading_again_adds_only_what_is_new_however_late_it_came(store, old, ingest):
    """A row behind those that were read, and one that changed: no cursor loses them."""
    old(OLD, "UPDATE Healing_Attempts SET id = id + 10")
    assert ingest().landed == 3
    assert (ingest().landed, ingest().unchanged) == (0, 3)
    old(
        "INSERT INTO Healing_Attempts (id, attempt_id) VALUES (2, 'late')",
        "UPDATE Healing_Attempts SET status = 'done' WHERE attempt_id = 'a-1'",
    )
    done = ingest()
    assert (done.read, done.landed, done.unchanged) == (4, 2, 2)
    assert (rows(store)["a-1"]["status"], rows(store)["a-1"]["revision"]) == ("done", 2)
    assert "late" in rows(store)


def test_bad_rows_are_quarantined_with_their_place(store, old, ingest):
    """By primary key, else by rowid; the same again keeps them once."""
    old(
        OLD,
        """
        INSERT INTO Healing_Attempts (id, attempt_id, error_line) VALUES (4, 'a-4', 'seven');
        INSERT INTO Healing_Attempts (id, attempt_id) VALUES (5, x'FF'), (6, CAST(x'FF41' AS TEXT));
        INSERT INTO Healing_Attempts (id, attempt_id, status) VALUES (7, 'a-1', 'again');
        CREATE TABLE goals (goal_id, progress);
        INSERT INTO goals VALUES ('g', 900), ('h', 50);
        CREATE TABLE goal_dependencies (goal_id PRIMARY KEY, depends_on_goal_id) WITHOUT ROWID;
        INSERT INTO goal_dependencies VALUES ('g', NULL), ('h', 'g');
        CREATE VIEW data_cube AS SELECT 'c' AS cube_id, 'x' AS metric_count;
        """,
    )
    done = ingest()
    assert (done.read, done.landed) == (12, 5)
    assert done.quarantined == {"key": 1, "range": 1, "repeat": 1, "text": 1, "type": 3}
    where = {kept.position: kept.reason.partition(":")[0] for kept in quarantine.entries(store)}
    assert where == {
        "id=4": "type",
        "id=5": "type",
        "id=6": "text",
        "id=7": "repeat",
        "rowid 1": "range",
        "goal_id='g'": "key",
        "row 1": "type",
    }
    again = ingest()
    assert (again.landed, again.unchanged, again.refused) == (0, 5, 7)
    assert sum(one.new_in_quarantine for one in again.sources) == 0


def test_rows_are_read_in_pages(store, old, ingest, monkeypatch):
    """More than one, with holes in their numbers, below zero too: none twice, none lost."""
    monkeypatch.setattr(sql_source, "ROWS", 7)
    monkeypatch.setattr(intake, "ROWS_A_TRANSACTION", 5)
    numbers = [*range(-20, 20, 3), *range(100, 160)]
    values = ", ".join(f"({n}, 'g{n}')" for n in numbers)
    old(f"CREATE TABLE goals (x INTEGER PRIMARY KEY, goal_id); INSERT INTO goals VALUES {values}")
    counted = []
    done = ingest(progress=lambda source, count: counted.append(count))
    assert (done.landed, counted[-1]) == (len(numbers), len(numbers))
    assert set(rows(store, "goals")) == {f"g{n}" for n in numbers}


def test_rows_without_a_key_are_logged_once_each(store, old, ingest):
    """The same content twice is two rows, and stays two."""
    old("CREATE TABLE goals (title); INSERT INTO goals VALUES ('x'), ('x'), ('y')")
    assert (ingest().landed, ingest().landed) == (3, 0)


def test_a_log_of_grace_is_a_source(settings, store, ingest, tmp_path):
    """The newest revision of each row as it is, without what another log added to it."""
    other = Settings(data_dir=tmp_path / "other")
    source = open_store(other.url)
    with source.writing(NOON) as writer:
        first = {"attempt_id": "a", "status": "pending", "attempted_at": NOON, "success": False}
        writer.append("healing_attempts", [first, {"attempt_id": "b", "metadata": None}])
        writer.append("healing_attempts", [first | {"status": "done", "metadata": {"n": 1}}])
        writer.append("decisions", [{"decision_id": "d"}])
    source.engine.dispose()
    done = ingest(other.url)
    assert (done.read, done.landed, done.refused) == (2, 2, 0)
    assert ingest(other.url).landed == 0
    row = rows(store)["a"]
    assert (row["status"], row["metadata"], row["revision"]) == ("done", '{"n":1}', 1)
    assert (row["attempted_at"], row["success"]) == (pd.Timestamp(NOON), 0)
    assert pd.isna(row["extra"])
    assert newest(store, "decisions").empty
    assert verify(settings, store).ok


def test_what_was_erased_in_another_log_is_not_read(store, ingest, tmp_path):
    """Its columns are null there, and would hide what this log knows."""
    other = Settings(data_dir=tmp_path / "other")
    source = open_store(other.url)
    with source.writing(NOON) as writer:
        (row,) = writer.append("goals", [{"goal_id": "g", "title": "x"}])
        named = {"erasure_id": "e", "table_name": "goals", "row_id": row.id}
        writer.append("erasures", [named])
        gone = [name for name in newest(source, "goals").columns if name not in KEPT]
        nulls = ", ".join(f'"{name}" = NULL' for name in gone)
        writer.connection.exec_driver_sql(f"UPDATE goals SET {nulls}")
    assert ingest(other.url).read == 0


KEPT = {"id", "revision", "recorded_at", "ledger_index", "source", "goal_id"}


def test_the_log_itself_is_refused_as_its_source(settings, ingest):
    """It would be read while it is written."""
    log.goal(goal_id="g")
    with pytest.raises(BadInput, match="is the log itself"):
        ingest(settings.url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "the database URL cannot be read; try sqlite:///"),
        ("postgresql://user:hush@host:port/name", "the database URL cannot be read"),
        ("postgresql://user:hu@sh@host/name", "holds an @: write it as %40"),
        ("sqlite:////nowhere/at/all.db", "there is no database file at sqlite:////nowhere/"),
        ("sqlite://", "there is no database file at sqlite://"),
        ("oracular://user:hush@host/name", "oracular://host/name cannot be read: Can't load"),
        ("mysql+pymysql://user:hush@host/name", r"mysql\+pymysql://host/name cannot be read: No"),
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_opened_is_one_clear_line(ingest, url, said):
    """Without user and password, and nothing is made in its place."""
    with pytest.raises(BadInput, match=said) as refused:
        ingest(url)
    for secret in ("hush", "user:", "sh@"):
        assert secret not in str(refused.value).replace("password", "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no database at all, " * 100, "cannot be read: file is not a database"),
        (b"", "has none of the tables healing_attempts, "),
    ],
)
def test_a_file_that_is_no_database_is_one_clear_line(ingest, tmp_path, content, said):
    """With its name."""
    (tmp_path / "old.db").write_bytes(content)
    with pytest.raises(BadInput, match=f"sqlite:///{tmp_path}/old.db {said}"):
        ingest()


def test_one_table_that_cannot_be_read_does_not_keep_the_others(store, old, ingest):
    """Another program's table of the same name, and a view that is broken: errors of their own."""
    old(
        OLD,
        """
        CREATE TABLE goals (a, b); INSERT INTO goals VALUES (1, 2);
        CREATE VIEW data_cube AS SELECT abs(-9223372036854775808) AS cube_id;
        """,
    )
    done = ingest()
    assert done.landed == 3
    cube, goals = done.errors
    assert cube.endswith("data_cube cannot be read: integer overflow")
    assert goals.endswith("goals: none of its columns is one of ours")


def test_the_source_is_never_written(old, ingest, tmp_path):
    """Nor is a file put beside it."""
    old(OLD)
    before = (tmp_path / "old.db").read_bytes()
    ingest()
    assert (tmp_path / "old.db").read_bytes() == before
    assert [path.name for path in tmp_path.glob("old*")] == ["old.db"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://user:hu%2Fsh@host:5432/name",
        "postgresql+psycopg://host/name?user=x&password=hu%2Fsh",
        "mssql+pyodbc://?odbc_connect=DRIVER%3Dx%3BPWD%3Dhu%2Fsh%3BUID%3Dx",
    ],
)
def test_no_message_of_a_driver_tells_a_password(url):
    """Whether it repeats it as it is, or as it stands in the URL."""
    address = SqlAddress(url)
    assert "hu" not in address.name
    with (
        pytest.raises(BadInput) as refused,
        telling(address),
    ):
        raise ValueError("cannot connect with hu/sh or hu%2Fsh\nand more")
    assert str(refused.value) == f"{address.name} cannot be read: cannot connect with *** or ***"
    assert refused.value.__cause__ is None


def test_a_password_is_put_into_a_url():
    """Out of a Secret block, whatever signs are in it."""
    url = with_password("postgresql+psycopg://user@host/name", "hu/s@h")
    assert url == "postgresql+psycopg://user:hu%2Fs%40h@host/name"
    with pytest.raises(BadInput):
        with_password("nonsense", "hush")
