"""The units of a deployment's metrics: which runs count, and what each is worth."""

from datetime import timedelta
from math import isnan, nan

import pandas as pd
import pytest

from grace.measurement.blocks import Block, values_in
from grace.measurement.deployments import EXECUTION, FAILURES, TASKS, deployment_units
from grace.measurement.metrics import metric
from tests.proposing import NOON

NAME, SUBJECT = "refresh/nightly", "deployment:refresh/nightly"


def run(name, minute, success=True, seconds=60.0, **differing):
    """A flow run of the deployment, one a minute; None has not ended, or was cancelled."""
    queued = NOON + timedelta(minutes=minute)
    row = {
        "process_id": name,
        "process_type": "flow_run",
        "task_name": NAME,
        "parent_process": None,
        "queued_at": queued,
        "completed_at": queued + timedelta(seconds=seconds),
        "execution_time_seconds": seconds,
        "success": success,
    }
    return row | differing


def task(name, parent, success=True):
    return run(
        name, 0, success, 1.0, process_type="task_run", task_name="get", parent_process=parent
    )


def units(rows, metric_name, subject=SUBJECT):
    return deployment_units(pd.DataFrame(rows), subject, metric_name)


def test_time_is_that_of_runs_that_completed():
    """A run that failed after a second is no quick one; it has no time, and failed."""
    found = units([run("b", 1, seconds=80.0), run("a", 0), run("c", 2, False, 1.0)], EXECUTION)
    assert [unit.id for unit in found] == ["a", "b", "c"]
    assert [unit.value for unit in found[:2]] == [60.0, 80.0]
    assert isnan(found[2].value)
    assert [unit.failed for unit in found] == [0.0, 0.0, 1.0]
    assert found[2].seconds == 1.0


def test_what_has_no_value_says_nothing_and_still_drains_a_block():
    """Runs that all fail leave no value behind: missing data, and no improvement."""
    block = Block(0, "after", NOON, NOON + timedelta(hours=1))
    failing = units([run(f"r{n}", n, False, 1.0) for n in range(9)], EXECUTION)
    assert values_in(block, failing) == []
    mixed = units([run("a", -1, False, 120.0), run("b", 0), run("c", 5)], EXECUTION)
    assert values_in(block, mixed) == [60.0]  # b was queued while a of before still ran


def test_failures_are_of_all_runs_that_ended_but_cancelled_ones():
    rows = [run("a", 0), run("b", 1, False), run("c", 2, None), run("d", 3, False)]
    assert [unit.value for unit in units(rows, FAILURES)] == [0.0, 1.0, 1.0]


def test_tasks_are_counted_a_flow_run_with_those_of_its_subflows():
    """Two of three in the first, with a subflow's; the second has none and is its own task."""
    rows = [
        run("a", 0),
        run("sub", 0, task_name="part", parent_process="a"),
        run("b", 1, False),
        run("other", 1, task_name="refresh/weekly"),
        task("t1", "a"),
        task("t2", "a", None),
        task("t3", "sub", False),
        task("t4", "sub"),
        task("t5", "other", False),
    ]
    assert [unit.value for unit in units(rows, TASKS)] == [pytest.approx(2 / 3), 0.0]


def test_runs_under_way_are_there_without_an_end():
    under_way = run("a", 0, None, completed_at=None, execution_time_seconds=nan)
    (unit,) = units([run("x", 0, task_name="other/one"), under_way], EXECUTION)
    assert (unit.id, unit.completed) == ("a", None)


def test_other_subjects_have_none():
    """A limit's, or a deployment's that did not run."""
    rows = [run("a", 0)]
    assert units(rows, EXECUTION, "tag:pages") == units(rows, EXECUTION, "deployment:x/y") == []
    assert deployment_units(pd.DataFrame(), SUBJECT, EXECUTION) == []


@pytest.mark.parametrize(
    ("name", "better", "shown"),
    [(EXECUTION, "lower", "0.50 s"), (TASKS, "higher", "50.0 %"), (FAILURES, "lower", "50.0 %")],
)
def test_each_has_a_direction(name, better, shown):
    assert (metric(name).better, metric(name).show(0.5)) == (better, shown)
