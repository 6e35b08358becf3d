"""`grace patterns`: what people and programs read of the errors that were learned."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from grace.cli import main
from grace.patterns.library import Library
from grace.patterns.rules import Rule, set_rule
from grace.store import Store
from tests.patterns.conftest import Failing, failing, learned  # noqa: F401 - fixtures

Run = Callable[..., tuple[int, str, str]]


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
def fingerprint(failing: Failing, learned, store: Store) -> str:  # noqa: F811
    """Of an error that met two of eight runs of a task in two flow runs, a few minutes ago."""
    failing.now = datetime.now(UTC) - timedelta(minutes=30)
    for flow_run in ("a", "b"):
        failing.task("OSError: [Errno 28] disk [bold]7[/bold] is full", flow_run)
    for _ in range(6):
        failing.success("c")
    learned()
    failing.attempt("OSError: [Errno 28] disk [bold]9[/bold] is full", True)
    (pattern,) = Library.load(store)
    set_rule(store, pattern.fingerprint, Rule(fix="retry", retries=2), failing.now)
    return pattern.fingerprint


def test_patterns_are_listed_with_what_they_did(run: Run, fingerprint: str) -> None:
    code, out, _ = run("patterns", "--json")
    (row,) = json.loads(out)
    assert code == 0
    assert (row["fingerprint"], row["state"]) == (fingerprint, "new")
    assert (row["failures"], row["failing_flow_runs"], row["share"]) == (3, 3, 0.25)
    assert row["template"] == "OSError: [Errno 28] disk [bold]<NUM>[/bold] is full"
    assert json.loads(run("patterns", "list", "--json")[1]) == [row]
    assert row["rule"] == {"fix": "retry", "retries": 2, "description": ""}
    _, out, _ = run("patterns")
    shown = " ".join(out.split())
    assert f"{fingerprint} new 3 3 25.0 % retry, at most 2" in shown
    assert "1 failures are not learned yet" in shown


def test_old_failures_are_not_counted_but_the_pattern_stays(run: Run, fingerprint: str) -> None:
    _, out, _ = run("patterns", "--days", "0.01", "--json")
    (row,) = json.loads(out)
    assert (row["fingerprint"], row["failing_flow_runs"], row["share"]) == (fingerprint, 0, None)


def test_one_pattern_is_shown_with_its_record(run: Run, fingerprint: str) -> None:
    """What stands in square brackets is part of the error, and no markup."""
    code, out, _ = run("patterns", "show", fingerprint, "--json")
    told = json.loads(out)
    assert (code, told["type"], told["best_fix"]) == (0, "OSError", None)
    assert told["fixes"]["retry"]["attempts"] == told["fixes"]["retry"]["successes"] == 1
    assert told["pattern"]["fingerprint"] == fingerprint
    _, out, _ = run("patterns", "show", fingerprint)
    assert "OSError: [Errno 28] disk [bold]<NUM>[/bold] is full" in out
    assert "retry: 1 of 1 attempts in 1 flow runs (95 % 21 % to 100 %)" in out


def test_a_message_is_matched(run: Run, fingerprint: str) -> None:
    text = "[Errno 28] disk [bold]123[/bold] is full"
    for arguments in ([f"OSError: {text}"], [text, "--type", "OSError"]):
        _, out, _ = run("patterns", "match", *arguments, "--json")
        assert json.loads(out)["fingerprint"] == fingerprint
    _, out, _ = run("patterns", "match", f"OSError: {text}")
    assert fingerprint in out
    assert "Rule: retry, at most 2" in out


def test_an_unknown_message_is_no_error(run: Run, fingerprint: str) -> None:
    code, out, _ = run("patterns", "match", "something else", "--json")
    assert (code, json.loads(out)) == (0, {"fingerprint": None, "template": None, "rule": None})


def test_a_fingerprint_that_was_never_issued_is_one_line(run: Run, fingerprint: str) -> None:
    code, out, err = run("patterns", "show", "p1-000000000000")
    assert (code, out) == (2, "")
    assert err.startswith("grace: there is no error pattern 'p1-000000000000'")


def test_without_a_log_it_says_what_makes_one(run: Run) -> None:
    code, _, err = run("patterns")
    assert code == 2
    assert "`grace up` makes one" in err


def test_an_empty_log_has_no_patterns(run: Run, store: Store) -> None:
    assert run("patterns", "--json")[:2] == (0, "[]\n")
    assert "No error has been learned yet." in run("patterns")[1]


def test_every_command_has_an_example(run: Run) -> None:
    for command in ([], ["list"], ["show"], ["match"]):
        assert "Example: grace" in run("patterns", *command, "--help")[1]
