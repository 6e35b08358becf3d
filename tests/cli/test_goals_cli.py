"""`grace goals` and `grace log kpi`: from a value to the board; a refusal is one line."""

import json
from collections.abc import Callable

import pytest

from grace.cli import main
from grace.store import Store
from grace.store.read import newest

Run = Callable[..., tuple[int, str, str]]
COVERAGE = ("goals", "add", "kpi:quality.test_coverage", "80", "--as", "ann")


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


def test_a_kpi_is_logged_and_a_goal_is_set_on_it(run: Run, store: Store) -> None:
    assert run("log", "kpi", "quality.test_coverage", "71.5")[0] == 0
    (row,) = newest(store, "data_cube").itertuples()
    assert (row.dimension_subsystem, row.dimension_resource) == ("quality", "test_coverage")
    assert row.metric_value == 71.5
    assert run(*COVERAGE, "--why", "the auditors ask")[0] == 0
    (goal,) = json.loads(run("goals", "--json")[1])
    assert (goal["value"], goal["target"], goal["status"]) == (71.5, 80.0, "on_track")
    shown = json.loads(run("goals", "show", goal["id"][-12:], "--json")[1])
    assert (shown["description"], len(shown["history"])) == ("the auditors ask", 1)
    assert goal["id"][-12:] in run("goals")[1]
    status = json.loads(run("status", "--json")[1])
    names = ("goals_created", "active_goals", "completed_goals", "autonomous_goals")
    assert [status[name] for name in names] == [1, 1, 0, 0]


def test_goals_wait_for_each_other_and_are_closed(run: Run, store: Store) -> None:
    run(*COVERAGE)
    run("goals", "add", "healing_success_rate", "95%", "--as", "ann")
    one, two = (goal["id"] for goal in json.loads(run("goals", "--json")[1]))
    assert run("goals", "depend", one, two)[0] == 0
    code, _, said = run("goals", "depend", two, one)
    assert code == 2
    assert f"{two[-12:]} -> {one[-12:]} -> {two[-12:]}" in said
    assert "waits for" in run("goals", "show", one)[1].lower()
    assert run("goals", "close", two, "--reason", "not now", "--as", "ann")[0] == 0
    assert [goal["id"] for goal in json.loads(run("goals", "--json")[1])] == [one]
    every = json.loads(run("goals", "list", "--all", "--json")[1])
    assert [goal["status"] for goal in every] == ["insufficient_data", "closed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("log", "kpi", "coverage", "83"), "write SUBSYSTEM.NAME"),
        (("log", "kpi", "a.b", "nan"), "no number that can be logged"),
        (("log", "kpi", "a.b", "1", "--at", "2999-01-01T00:00:00Z"), "has not come yet"),
        (("goals", "add", "healing_success_rate", "95"), "write its target as 90% or 0.9"),
        (("goals", "add", "speed", "1"), "there is no metric 'speed'"),
        (("goals", "show", "none"), "no goal with id 'none'"),
        (("goals", "close", "none", "--reason", "x"), "no goal with id 'none'"),
        ((*COVERAGE, "--as", "grace"), "names a person"),
    ],
)
def test_what_cannot_be_is_one_line(
    run: Run, store: Store, arguments: tuple[str, ...], said: str
) -> None:
    code, _, error = run(*arguments)
    assert (code, error.count("\n")) == (2, 1)
    assert said in error


def test_without_goals_it_says_how_to_add_one(run: Run, store: Store) -> None:
    assert "grace goals add --help" in run("goals")[1]
