"""`grace experiment`: begun, listed, shown and stopped, and what cannot be is one line."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from grace import assign
from grace.cli import main
from grace.store import Store

Run = Callable[..., tuple[int, str, str]]
NEW = ("experiment", "new", "pages", "--flow", "sync", "--why", "fewer requests", "--as", "ann")
EFFECT = ("--smallest-effect", "0.05")


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


def log_runs(store: Store, count: int) -> None:
    """Runs of *sync* since a moment ago, of which those before fail."""
    rows = []
    for number in range(count):
        at = datetime.now(UTC)
        good = assign("pages", f"run-{number}") == "after"
        rows.append(
            {
                "process_id": f"run-{number}",
                "process_type": "flow_run",
                "task_name": "sync/often",
                "queued_at": at,
                "completed_at": at,
                "execution_time_seconds": 1.0,
                "success": good,
                "timestamp": at,
            }
        )
    with store.writing(datetime.now(UTC) + timedelta(seconds=1)) as writer:
        writer.append("parallel_process_logs", rows, source="governed")


def test_it_is_begun_shown_and_stopped(run: Run, store: Store) -> None:
    code, out, _ = run(*NEW, *EFFECT, "--most-seconds", "60", "--json")
    begun = json.loads(out)
    assert (code, begun["state"], begun["smallest_effect"]) == (0, "running", 0.05)
    assert begun["guardrails"] == [{"of": "execution time", "bound": 60.0, "hard_limit": 120.0}]
    log_runs(store, 90)
    shown = json.loads(run("experiment", "show", "pages", "--json")[1])
    arms = shown["arms"]
    assert arms["before"]["n"] + arms["after"]["n"] == 90
    assert (arms["before"]["mean"], arms["after"]["mean"], shown["effect"]) == (1.0, 0.0, -1.0)
    assert shown["interval"][1] < 0
    assert (shown["ratio_holds"], shown["verdict_by_now"]) == (True, "improved")
    assert shown["seconds_to_verdict"] == 0
    page = " ".join(run("experiment", "show", "pages")[1].split())
    assert "as assigned, 50 % to after" in page
    assert "time to a verdict reached" in page
    (row,) = json.loads(run("experiment", "list", "--json")[1])
    assert row == begun
    assert "running" in run("experiment", "list")[1]
    code, out, _ = run("experiment", "stop", "pages", "--reason", "moved", "--as", "ben", "--json")
    assert (code, json.loads(out)["state"], json.loads(out)["reason"]) == (0, "stopped", "moved")
    assert "by ben: moved" in " ".join(run("experiment", "show", "pages")[1].split())


def test_nothing_is_listed_where_nothing_was_begun(run: Run, store: Store) -> None:
    assert "No experiments" in run("experiment", "list")[1]
    assert json.loads(run("experiment", "list", "--json")[1]) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--smallest-effect", "5"), "--smallest-effect is between 0 and 1, not 5"),
        (("--smallest-effect", "nan", "--metric", "time"), "a number above 0, not nan"),
        ((*EFFECT, "--share", "0.2"), "--share is between 0.3 and 0.7, not 0.2"),
        ((*EFFECT, "--days", "-1"), "--days is between 0 and 366, not -1"),
        ((*EFFECT, "--look-minutes", "0"), "--look-minutes is between 0 and 1440, not 0"),
        ((*EFFECT, "--most-failures", "1.5"), "--most-failures is between 0 and 1, not 1.5"),
        ((*EFFECT, "--most-seconds", "inf"), "--most-seconds is a number above 0, not inf"),
        ((*EFFECT, "--flow", ""), "--flow names a flow, not ''"),
        ((*EFFECT, "--why", " "), "--why says why, not ' '"),
        ((*EFFECT, "--as", "Grace"), "grace is the engine's name"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, store: Store, arguments, said) -> None:
    code, out, err = run(*NEW, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert json.loads(run("experiment", "list", "--json")[1]) == []


def test_a_name_is_used_once_and_known(run: Run, store: Store) -> None:
    assert run(*NEW, *EFFECT)[0] == 0
    code, _, err = run(*NEW, *EFFECT)
    assert (code, err) == (
        2,
        "grace: there was an experiment 'pages' before; take another name\n",
    )
    code, _, err = run("experiment", "new", "a b", *NEW[3:], *EFFECT)
    assert (code, err.count("\n")) == (2, 1)
    for command in (("show", "page"), ("stop", "page", "--reason", "r", "--as", "ben")):
        code, _, err = run("experiment", *command)
        assert (code, err) == (2, "grace: there is no experiment 'page'; there are: pages\n")


def test_every_command_has_an_example(run: Run) -> None:
    for command in ("new", "list", "show", "stop"):
        assert f"Example: grace experiment {command}" in " ".join(
            run("experiment", command, "--help")[1].split()
        )
