"""Before a newer Prefect migrates its database there is a copy of it, or somebody's word."""

import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from grace.errors import BadInput
from grace.installation.prefect_database import note_version, prepare
from grace.settings import Settings
from grace.store.safety_copy import copies
from tests.proposing import NOON

GIVEN = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
POSTGRES = "postgresql+asyncpg://prefect:secret@127.0.0.1/prefect"


def make(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE flow_run (name)")
        database.execute("INSERT INTO flow_run VALUES ('waiting')")
    return path


def last_start(settings: Settings, prefect: str) -> None:
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    (settings.run_dir / "prefect-version").write_text(prefect)


@pytest.mark.parametrize("is_given", [True, False])
def test_a_file_is_copied_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_given: bool
) -> None:
    """Its default one, and one that the environment names."""
    file = make(tmp_path / "x" / "p.db" if is_given else settings.prefect_home / "prefect.db")
    if is_given:
        monkeypatch.setenv(GIVEN, f"sqlite+aiosqlite:///{file}")
    last_start(settings, "3.8.1")
    told: list[str] = []
    prepare(settings, NOON, told.append)
    (copy,) = copies(file)
    assert str(copy) in told[0]
    assert "3.8.1" in copy.name
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT name FROM flow_run").fetchone() == ("waiting",)

    note_version(settings)
    prepare(settings, NOON, told.append)
    assert len(told) == len(copies(file)) == 1


def test_what_is_no_file_waits_for_a_persons_word(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which holds for one version of Prefect and not for the next."""
    monkeypatch.setenv(GIVEN, POSTGRES)
    prepare(settings, NOON, print)  # never started here: there is nothing to migrate
    last_start(settings, "3.8.1")
    for word in (None, "3.8.1"):
        with pytest.raises(BadInput, match=f"pg_dump.*{version('prefect')}$") as refused:
            prepare(settings.model_copy(update={"prefect_dumped_for": word}), NOON, print)
        assert "secret" not in str(refused.value)
    prepare(settings.model_copy(update={"prefect_dumped_for": version("prefect")}), NOON, print)


def test_a_file_that_cannot_be_copied_stops_the_start(settings: Settings) -> None:
    file = settings.prefect_home / "prefect.db"
    file.mkdir(parents=True)
    with pytest.raises(BadInput, match="cannot be copied"):
        prepare(settings, NOON, print)
