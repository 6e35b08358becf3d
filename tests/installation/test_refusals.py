"""What `grace up` and `grace down` refuse is said in one line, and nothing is started by it."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from grace.errors import BadInput, GraceError
from grace.installation import down, read_installation, up
from grace.settings import Settings


def grace(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it."""
    return subprocess.run(
        [sys.executable, "-m", "grace.cli", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal."""
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("grace: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_down_says_that_nothing_runs() -> None:
    done = grace("down")
    assert (done.returncode, done.stdout) == (0, "Nothing is running.\n")
    assert json.loads(grace("down", "--json").stdout) == {"stopped": False}


def test_a_wrong_port_is_named_with_what_is_wrong() -> None:
    for port in ("high", "0", "65536"):
        line = refused(grace("up", GRACE_PORT=port))
        assert "GRACE_PORT" in line
        assert repr(port) in line


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = refused(grace("up", GRACE_DATA_DIR=str(tmp_path / "file" / "data")))
    assert str(tmp_path / "file") in line
    assert "GRACE_DATA_DIR" in line


def test_a_file_that_is_no_installation_stops_both_commands(settings: Settings) -> None:
    settings.run_dir.mkdir(parents=True)
    settings.installation_file.write_text("groceries: milk")
    for command in ("up", "down"):
        assert str(settings.installation_file) in refused(grace(command))
    assert settings.installation_file.read_text() == "groceries: milk"


def test_a_database_of_somebody_else_costs_no_start(settings: Settings) -> None:
    settings.log_dir.mkdir(parents=True)
    with closing(sqlite3.connect(settings.log_dir / "grace.db")) as database:
        database.execute("CREATE TABLE groceries (name TEXT)")
    assert "grace.db" in refused(grace("up"))
    assert read_installation(settings) is None


def test_another_prefect_server_of_the_environment_is_not_taken_over() -> None:
    line = refused(grace("up", PREFECT_API_URL="http://127.0.0.1:1/api"))
    assert "PREFECT_API_URL" in line


def test_a_broken_prefect_yaml_costs_no_start(settings: Settings, tmp_path: Path) -> None:
    broken = tmp_path / "prefect.yaml"
    broken.write_text("deployments: [{name: one\n")
    told: list[str] = []
    with pytest.raises(BadInput, match=r"prefect\.yaml"):
        up(settings, tell=told.append, prefect_file=broken)
    assert told == []
    assert read_installation(settings) is None


def test_a_server_that_cannot_start_is_reported_with_its_log(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "nonsense://")
    declared = tmp_path / "prefect.yaml"
    declared.write_text("deployments: []")
    port = Settings(data_dir=settings.data_dir, port=47000 + os.getpid() % 1000)
    with pytest.raises(GraceError, match=r"server ended: see .*server\.log"):
        up(port, tell=lambda line: None, prefect_file=declared)
    assert "nonsense" in (settings.run_dir / "logs" / "server.log").read_text()
    assert not down(settings, tell=lambda line: None), "nothing of it is left"
