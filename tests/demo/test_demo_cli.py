"""`grace demo` as somebody calls it who has no server, no account and no configuration."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grace.cli import main
from grace.settings import Settings
from grace.store import open_store
from tests.proposing import NOON

Run = Callable[..., tuple[int, str, str]]

# nothing answers there: whoever asked Prefect for anything would fail
NOWHERE = {
    "PREFECT_API_URL": "http://127.0.0.1:9/api",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
}
SHORT = ("demo", "--days", "0.4", "--seed", "3")


@pytest.fixture
def run(capsys) -> Run:
    """Runs one command; its exit code, standard output and standard error."""

    def run_command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run_command


@pytest.fixture
def main_log(settings: Settings) -> Path:
    """A log in use, which a demo must leave as it is."""
    store = open_store(settings.url)
    with store.writing(NOON) as writer:
        writer.append("goals", [{"goal_id": "one", "title": "a real goal"}])
        writer.event("goal.created", "goal/one", {})
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.engine.dispose()
    return settings.log_dir / "grace.db"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_without_a_server_it_shows_what_was_found_and_asked(
    settings: Settings, main_log: Path
) -> None:
    """In a process of its own, with another log configured, which stays as it was."""
    before = digest(main_log)
    environment = os.environ | NOWHERE | {"GRACE_DATABASE_URL": settings.url}
    done = subprocess.run(
        [sys.executable, "-m", "grace.cli", *SHORT],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert digest(main_log) == before
    assert sorted(path.name for path in settings.data_dir.iterdir() if path.is_dir()) == [
        "demo",
        "main",
    ]
    assert "proposed: Raise tag:catalog-api from 2 to 8" in done.stdout
    assert "approved by demo: Raise tag:catalog-api from 2 to 8" in done.stdout
    assert "by demo (declared): grace demo approves every proposal; nobody has" in done.stdout
    assert "The ledger holds: " in done.stdout
    assert "--log demo ledger verify" in done.stdout


def test_what_it_names_to_look_at_next_works(run: Run) -> None:
    code, out, _ = run(*SHORT, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["ledger"]["ok"]
    assert told["replaced"] is False
    listed = json.loads(run("--log", "demo", "proposals", "--json")[1])
    assert {each["id"] for each in listed} == {each["id"] for each in told["proposals"]}
    shown = json.loads(run("--log", "demo", "show", listed[0]["id"], "--json")[1])
    assert shown["decisions"][1]["reviewer"] == "demo"
    page = run("--log", "demo", "show", listed[0]["id"])[1]
    assert "simulated system" in page
    assert "at any time" not in page  # nothing is there any more that could be undone
    checked = json.loads(run("--log", "demo", "ledger", "verify", "--json")[1])
    assert (checked["ok"], checked["size"]) == (True, told["ledger"]["size"])
    seen = json.loads(run("--log", "demo", "analyse", "--hours", "9", "--json")[1])
    assert seen["response"]["by_task"]["fetch_page"]["wait"]["mean"]["value"] > 5
    for deed in (
        ("undo", listed[0]["id"], "--as", "demo", "--reason", "x"),
        ("propose", "tag:catalog-api", "3", "--as", "demo", "--why", "x"),
    ):
        code, _, err = run("--log", "demo", *deed)
        assert (code, "simulated" in err) == (2, True)


def test_a_second_demo_replaces_the_first_and_says_so(run: Run, settings: Settings) -> None:
    run("demo", "--days", "0.25", "--json")
    first = (settings.data_dir / "demo" / "signing.key.pub").read_text()
    code, out, err = run("demo", "--days", "0.25", "--json")
    assert code == 0
    assert json.loads(out)["replaced"] is True
    assert "The former demo" in err
    assert (settings.data_dir / "demo" / "signing.key.pub").read_text() != first


def test_a_folder_that_no_demo_made_is_left_alone(run: Run, settings: Settings) -> None:
    theirs = settings.data_dir / "demo" / "notes.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    code, _, err = run("demo", "--days", "0.25")
    assert code == 2
    assert "was not made by a demo" in err
    assert theirs.read_text() == "mine"


def test_a_link_to_another_place_is_not_followed(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "demo.json").write_text("{}")
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "demo").symlink_to(elsewhere)
    code, _, err = run("demo", "--days", "0.25")
    assert code == 2
    assert "was not made by a demo" in err
    assert (elsewhere / "demo.json").exists()


def test_no_setting_of_a_real_log_holds_for_the_demos(tmp_path: Path) -> None:
    real = Settings(
        data_dir=tmp_path,
        database_url=f"sqlite:///{tmp_path / 'real.db'}",
        checkpoint_url="http://127.0.0.1:9/",
        governance_file=tmp_path / "real.toml",
    )
    for own in (real.for_log("demo"), real.model_copy(update={"log": "demo"})):
        assert own.url == f"sqlite:///{tmp_path / 'demo' / 'grace.db'}"
    assert real.for_log("demo").checkpoint_url is None
    assert real.for_log("demo").governance_file is None
    assert real.for_log("sample").checkpoint_url == "http://127.0.0.1:9/"


def test_nothing_else_enters_the_demos_log(run: Run, settings: Settings, tmp_path: Path) -> None:
    run("demo", "--days", "0.25", "--json")
    size = json.loads(run("--log", "demo", "ledger", "verify", "--json")[1])["size"]
    rows = tmp_path / "healing_attempts.jsonl"
    rows.write_text('{"attempt_id": "a", "error_type": "E", "success": true}\n')
    code, _, err = run("--log", "demo", "ingest", str(rows))
    assert code == 2
    assert "simulator" in err
    assert json.loads(run("--log", "demo", "ledger", "verify", "--json")[1])["size"] == size


class TestAsking:
    def test_a_persons_answers_are_taken_at_the_terminal(self, run: Run, answers) -> None:
        answers("maybe", "reject", "not this week", *("approve", "go on") * 3)
        code, out, err = run(*SHORT, "--ask", "--as", "ann", "--json")
        assert code == 0, err
        proposals = json.loads(out)["proposals"]
        (rejected,) = [each for each in proposals if each["state"] == "rejected"]
        assert rejected["reason"] == "not this week"
        assert any(each["state"] == "measuring" for each in proposals)
        answered = [
            decision
            for each in proposals
            for decision in each["decisions"]
            if decision["question"] == "a person's answer"
        ]
        assert {(each["reviewer"], each["assurance"]) for each in answered} == {("ann", "declared")}
        assert "What was seen" in err

    def test_without_an_answer_it_ends_in_one_line(self, run: Run, answers) -> None:
        answers()
        code, _, err = run(*SHORT, "--ask", "--as", "ann")
        assert code == 2
        assert "grace: the demo ended without an answer" in err
        assert "Traceback" not in err

    def test_the_engine_is_no_person(self, run: Run, settings: Settings) -> None:
        code, _, err = run("demo", "--ask", "--as", "Grace")
        assert code == 2
        assert "only a person can be a reviewer" in err
        assert not (settings.data_dir / "demo").exists()

    def test_what_cannot_be_is_one_line(self, run: Run, settings: Settings) -> None:
        for wrong in (("--days", "nan"), ("--days", "99"), ("--seed", "-1")):
            code, _, err = run("demo", *wrong)
            assert code == 2
            assert "Traceback" not in err
        settings.data_dir.parent.mkdir(parents=True, exist_ok=True)
        settings.data_dir.write_text("a file where the folder should be")
        code, _, err = run("demo", "--days", "0.25")
        assert (code, err.count("\n")) == (2, 1)

    def test_a_name_without_ask_is_refused(self, run: Run) -> None:
        assert run("demo", "--as", "ann")[0] == 2

    @pytest.fixture
    def answers(self, monkeypatch) -> Callable[..., None]:
        """What is typed, line by line, and then the end of the input."""
        import io

        def typed(*lines: str) -> None:
            text = "".join(f"{line}\n" for line in lines)
            monkeypatch.setattr(sys, "stdin", io.StringIO(text))

        return typed


@pytest.mark.slow
def test_a_whole_week_ends_with_four_verdicts(run: Run) -> None:
    code, out, _ = run("demo", "--json")
    told = json.loads(out)
    assert code == 0
    assert len(told["days"]) == 7
    ends = {(each["target"].partition(":")[0], each["verdict"]) for each in told["proposals"]}
    assert ends >= {
        ("tag", "improved"),
        ("tag", "regressed"),
        ("pattern", "improved"),
        ("pattern", "no_effect"),
    }
    assert told["days"][-1]["mean_wait_seconds"] < 0.7 * told["days"][0]["mean_wait_seconds"]
