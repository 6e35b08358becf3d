"""The flows that read files and databases, on a real server: counts, artifact, and how they end."""

import sqlite3
from contextlib import closing
from uuid import uuid4

import pytest
from prefect.artifacts import Artifact
from prefect.blocks.system import Secret

from flows.file_ingestion import file_ingestion
from flows.sql_ingestion import sql_ingestion
from grace import log
from grace.ingestion.requests import FileIngestion, SqlIngestion
from grace.settings import PROJECT
from grace.store import open_store
from grace.store.read import newest
from tasks.sql_engine import with_password

pytestmark = pytest.mark.usefixtures("prefect_api")
SAMPLE = str(PROJECT / "data/samples/healing_attempts.jsonl")


def artifact():
    """As it is read: in the page an underline within a name must not begin italics."""
    found = Artifact.get("ingestion-outside-main")
    return found.data.replace("\\_", "_")


@pytest.mark.both_databases
def test_files_and_the_spool_are_read_and_told_in_an_artifact(settings, monkeypatch):
    """What loggers left while the log was away is taken in with them."""
    monkeypatch.setenv("GRACE_DATABASE_URL", "oracle://away")
    log._delivery.cache_clear()
    log.healing_attempt(attempt_id="spooled")
    monkeypatch.setenv("GRACE_DATABASE_URL", settings.url)
    state = file_ingestion(FileIngestion(paths=[SAMPLE]), return_state=True)
    assert state.is_completed()
    found = set(newest(open_store(settings.url), "healing_attempts")["attempt_id"])
    assert found == {"spooled"} | {f"sample-{number}" for number in range(1, 9)}
    assert f"| {SAMPLE} | healing_attempts | 8 | 8 | 0 | 0 |" in artifact()
    assert file_ingestion(FileIngestion(paths=[SAMPLE]), return_state=True).is_completed()
    assert "unchanged since it was read: 8 rows" in artifact()


@pytest.mark.parametrize(
    ("text", "strict", "said"),
    [
        ("g,900\nh,1\n", False, None),
        ("g,900\nh,1\n", True, "1 of 2 rows are in the quarantine"),
        ("g,900\n", False, "nothing landed: all 1 rows read are in the quarantine"),
        ('g,1\n"', False, None),
    ],
)
def test_a_run_fails_when_asked_or_when_nothing_landed(tmp_path, text, strict, said):
    """With the artifact all the same."""
    path = tmp_path / "goals.csv"
    path.write_text(f"goal_id,progress\n{text}")
    request = FileIngestion(paths=[str(path)], strict=strict)
    state = file_ingestion(request, return_state=True)
    assert state.is_failed() is (said is not None)
    assert said is None or said in state.message
    assert str(path) in artifact()


def test_a_file_that_cannot_be_read_fails_its_run_and_lands_the_others(settings, tmp_path):
    """The error is the message."""
    (tmp_path / "goals.parquet").write_text("no parquet")
    request = FileIngestion(paths=[SAMPLE, str(tmp_path / "goals.parquet")])
    state = file_ingestion(request, return_state=True)
    assert state.is_failed()
    assert "goals.parquet: it is no readable Parquet" in state.message
    assert len(newest(open_store(settings.url), "healing_attempts")) == 8


def test_a_database_is_read(settings, tmp_path):
    """By its URL; the password comes out of a Secret block."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as old, old:
        old.executescript("CREATE TABLE goals (goal_id); INSERT INTO goals VALUES ('g');")
    state = sql_ingestion(SqlIngestion(url=f"sqlite:///{tmp_path}/old.db"), return_state=True)
    assert state.is_completed()
    assert list(newest(open_store(settings.url), "goals")["goal_id"]) == ["g"]


def test_a_password_out_of_a_secret_block_is_in_no_message(monkeypatch):
    """The driver is not there; what is said of it names the host alone."""
    name = f"old-{uuid4().hex[:8]}"
    Secret(value="hush-hush").save(name)
    asked = []

    def note(url, password):
        asked.append(password)
        return with_password(url, password)

    monkeypatch.setattr("tasks.ingest_outside.with_password", note)
    url = "mysql+pymysql://user@host/name"
    state = sql_ingestion(SqlIngestion(url=url, password_block=name), return_state=True)
    assert asked == ["hush-hush"]
    assert state.is_failed()
    assert "mysql+pymysql://host/name cannot be read" in state.message
    assert "hush" not in state.message
    state = sql_ingestion(SqlIngestion(url=url, password_block="none"), return_state=True)
    assert "there is no Secret block 'none' in Prefect" in state.message
