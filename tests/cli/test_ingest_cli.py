"""`grace ingest` and `grace quarantine …` as a person and a program meet them, without a server."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from grace import log
from grace.cli import main
from grace.ingestion import ranges
from grace.settings import PROJECT
from grace.store import open_store
from grace.store.read import newest

SAMPLE = "data/samples/healing_attempts.jsonl"
GOALS = "goal_id,title,created_at,progress\ng-1,[b]one[/i],2026-07-01 12:00,5\ng-2,two,,900\n"


@pytest.fixture
def grace(capsys):
    """Runs one command; its exit code, standard output and standard error."""

    def run(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def goals(tmp_path):
    path = tmp_path / "goals.csv"
    path.write_text(GOALS)
    return str(path)


def test_files_are_read_and_told_in_a_table(settings, grace, monkeypatch):
    """As README says; the same again adds nothing and says so."""
    monkeypatch.chdir(PROJECT)
    code, out, err = grace("ingest", SAMPLE)
    assert (code, err) == (0, "")
    assert "8 rows read, 8 new, 0 there already" in out
    code, out, _ = grace("ingest", SAMPLE)
    assert code == 0
    assert "unchanged since it was read: 8 rows" in " ".join(out.split())
    assert len(newest(open_store(settings.url), "healing_attempts")) == 8


def test_programs_read_the_same_as_json(grace, goals):
    """Counts of the whole and of each source."""
    code, out, _ = grace("ingest", goals, "--timezone", "Europe/Berlin", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["read"], told["landed"], told["quarantined"]) == (2, 1, {"range": 1})
    assert told["sources"][0]["source"] == goals


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--strict"], 1, "1 of 2 rows are in the quarantine; `grace quarantine list` tells why"),
        (["--table", "data_cube"], 2, "none of its columns is one of data_cube"),
        (["--table", "users"], 2, "'users' is no log table"),
        (["--timezone", "Mars"], 2, "there is no time zone 'Mars'"),
        (["nowhere.csv"], 2, "there is no file nowhere.csv"),
        (["--sql", "sqlite:////nowhere.db"], 2, "there is no database file at"),
    ],
)
def test_exit_codes_and_errors_in_one_line(grace, goals, words, code, said):
    """1 where a check failed, 2 for bad input."""
    found, _, err = grace("ingest", goals, *words)
    assert found == code
    assert err.startswith("grace: ")
    assert said in err
    assert err.count("\n") == 1


def test_nothing_that_landed_is_a_failure(grace, tmp_path):
    """Out of something that was read."""
    path = tmp_path / "goals.csv"
    path.write_text("goal_id,progress\ng,900\n")
    code, _, err = grace("ingest", str(path))
    assert (code, "nothing landed: all 1 rows read are in the quarantine" in err) == (1, True)


def test_a_database_is_read(grace, tmp_path):
    """By its URL, without what is secret in it."""
    connection = sqlite3.connect(tmp_path / "old.db")
    connection.executescript("CREATE TABLE goals (goal_id); INSERT INTO goals VALUES ('g');")
    connection.close()
    code, out, _ = grace("--json", "ingest", "--sql", f"sqlite:///{tmp_path}/old.db")
    assert (code, json.loads(out)["landed"]) == (0, 1)


def test_what_loggers_spooled_is_taken_in(settings, grace, monkeypatch):
    """With or without anything else to read."""
    code, out, _ = grace("ingest")
    assert (code, out) == (0, "Nothing to read: no PATH, no --sql, and the spool is empty.\n")
    monkeypatch.setenv("GRACE_DATABASE_URL", "oracle://away")
    log._delivery.cache_clear()
    log.goal(goal_id="g")
    monkeypatch.delenv("GRACE_DATABASE_URL")
    code, out, _ = grace("ingest", "--json")
    assert (code, json.loads(out)["landed"]) == (0, 1)
    assert json.loads(out)["sources"][0]["source"] == "spool"


def test_the_quarantine_is_listed_shown_and_tried_again(settings, grace, goals, monkeypatch):
    """What stands in the row is shown as it is, whatever signs it holds."""
    code, out, _ = grace("ingest", goals)
    code, out, _ = grace("quarantine", "list")
    assert code == 0
    assert "1 wait: 1 range" in out
    code, out, _ = grace("quarantine", "list", "--json")
    (row,) = json.loads(out)
    assert (row["table"], row["position"], row["landed_at"]) == ("goals", "line 3", None)
    assert row["reason"] == "range: progress: expected from 0 to 100, got 900.0"
    code, out, _ = grace("quarantine", "show", row["id"][:8])
    assert (code, '"progress": "900"' in out) == (0, True)
    code, out, err = grace("quarantine", "retry", row["id"])
    assert (code, "0 landed, 0 were in the log already, 1 wait on" in out) == (1, True)
    assert "1 rows still cannot land" in err
    monkeypatch.delitem(ranges.BOUNDS, "progress")
    code, out, _ = grace("quarantine", "retry", "--json")
    told = {"tried": 1, "landed": 1, "unchanged": 0, "refused": 0}
    assert (code, json.loads(out)) == (0, told)
    assert grace("quarantine", "list")[1] == "Nothing waits in the quarantine.\n"
    assert "landed since" in " ".join(grace("quarantine", "list", "--landed")[1].split())
    assert grace("quarantine", "show", "zzz")[0] == 2


def test_marks_in_a_row_are_no_marks_of_the_terminal(grace, tmp_path):
    """Brackets that rich would take for its own, in a title, a name and a reason."""
    path = tmp_path / "goals-[b].csv"
    path.write_text("goal_id,created_at\n[/g],[/red]\n")
    code, out, _ = grace("ingest", str(path))
    assert code == 1
    assert "goals-[b].csv" in "".join(out.split())
    (row,) = json.loads(grace("quarantine", "list", "--json")[1])
    assert "'[/red]'" in "".join(grace("quarantine", "list")[1].split())
    code, out, _ = grace("quarantine", "show", row["id"])
    assert (code, '"goal_id": "[/g]"' in out) == (0, True)


def test_no_server_is_needed_nor_loaded(tmp_path, goals):
    """A fresh process reads a file without importing Prefect."""
    code = (
        "import sys; from grace.cli import main\n"
        f"try: main(['ingest', {goals!r}])\n"
        "except SystemExit as ended: print(ended.code, 'prefect' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(PROJECT), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 False"
