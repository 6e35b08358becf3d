"""When an error that recurs is a case for a rule, and what its units are."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding
from grace.opportunities.fix_recurring_error import (
    GATE,
    case_for,
    recurrences,
    stream_of,
    units,
)
from grace.opportunities.streams import see
from grace.patterns.record import Record

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = [
    "process_id",
    "process_type",
    "parent_process",
    "task_name",
    "success",
    "error",
    "queued_at",
    "started_at",
    "completed_at",
    "execution_time_seconds",
]


def run(name, kind, parent, task, success, begun, ended, error=None):
    seconds = 2.0 if ended else None
    return (name, kind, parent, task, success, error, begun, begun, ended, seconds)


def history(failures, *, tasks=10, gap_minutes=10, error="boom", begin=NOON):
    """One flow run for each number: so many of its tasks end with the error."""
    rows = []
    for number, failing in enumerate(failures):
        begun = begin + timedelta(minutes=gap_minutes * number)
        ended = begun + timedelta(minutes=1)
        rows.append(run(f"f{number}", "flow_run", None, "flow", True, begun, ended))
        rows += [
            run(
                f"f{number}-{index}",
                "task_run",
                f"f{number}",
                "fetch",
                index >= failing,
                begun,
                ended,
                error if index < failing else None,
            )
            for index in range(tasks)
        ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    for name in ("queued_at", "started_at", "completed_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    frame["success"] = frame["success"].astype(object)
    return frame


def fingerprint_of(text):
    return "p1-boom" if text == "boom" else "p1-other"


def only(frame, now=NOON + timedelta(days=30), since=NOON):
    (found,) = recurrences(frame, fingerprint_of, now, since)
    return found


def judged(frame, records=None):
    found = only(frame)
    (seen,) = see([stream_of(found, NOON)], NOON + timedelta(days=1))
    return seen, case_for(seen, found, records or {}, "RuntimeError: boom", 100)


def test_the_unit_is_the_flow_run_and_its_value_the_share_that_failed_so():
    found = only(history([0, 2, 5]))
    assert found.values == (0.0, 0.2, 0.5)
    assert (found.failures, found.failed_flow_runs, found.runs) == (7, 2, 30)
    assert found.lost_seconds == 14.0
    assert found.gap_seconds == 600


def test_a_flow_run_that_only_passes_on_its_tasks_failure_is_not_counted_again():
    frame = history([3])
    frame.loc[0, ["success", "error"]] = [False, "boom"]
    assert [
        each.task for each in recurrences(frame, fingerprint_of, NOON + timedelta(1), NOON)
    ] == ["fetch"]


def test_a_flow_run_that_fails_by_itself_is_a_task_of_its_own_name():
    frame = history([0, 0])
    frame.loc[0, ["success", "error"]] = [False, "boom"]
    found = only(frame)
    assert (found.task, found.values) == ("flow", (1.0, 0.0))


def test_runs_cancelled_or_not_ended_count_neither_way():
    frame = history([1, 1])
    frame.loc[frame["process_id"] == "f0-9", "success"] = None
    frame.loc[frame["process_id"] == "f1-9", "completed_at"] = pd.NaT
    assert only(frame).values == (1 / 9, 1 / 9)


def test_flow_runs_begun_before_the_frame_and_ended_after_now_are_left_out():
    frame = history([1, 2, 3])
    found = only(frame, now=NOON + timedelta(minutes=15), since=NOON + timedelta(minutes=5))
    assert found.values == (0.2,)


def test_a_proven_recurrence_is_a_case_for_a_retry():
    """A tenth of the runs in twenty flow runs: far above 1 %."""
    seen, case = judged(history([1] * 20))
    assert seen.raised
    assert isinstance(case, Case)
    assert case.change.target == "pattern:p1-boom"
    assert case.change.before is None
    assert case.change.after == {"fix": "retry", "retries": 2, "description": "retry fetch"}
    assert case.subject == "p1-boom@fetch"
    assert case.prediction.then is None


def test_the_record_of_retries_makes_the_prediction():
    """Each retry healed three of four, so two of them leave a sixteenth."""
    _, case = judged(history([1] * 20), {"retry": Record(8, 6)})
    assert case.prediction.now == pytest.approx(0.1)
    assert case.prediction.then == pytest.approx(0.1 / 16)


@pytest.mark.parametrize(
    ("failures", "units"),
    [
        ([1] * 10, 2),
        ([1, 0] * 10, 5),
        ([1] + [0] * 9, 23),
        ([1] + [0] * 999, 200),
        ([0] * 500 + [1, 0] * 10, 5),
    ],
)
def test_a_block_is_long_enough_to_have_a_failure_in_it(failures, units):
    """All, half, a tenth or a thousandth of the flow runs have one: blocks grow, up to a bound.
    What was before the first failure says nothing of how often it comes now."""
    assert only(history(failures, tasks=1)).units_a_block == units


def test_what_retrying_never_healed_is_left_to_a_person():
    _, finding = judged(history([1] * 20), {"retry": Record(10, 0)})
    assert isinstance(finding, Finding)
    assert finding.standing == "held back"
    assert "none of 10 retries" in finding.reason


def test_one_bad_flow_run_is_not_an_error_that_recurs():
    """Ten failures in one flow run are one piece of bad luck, whatever the evidence says."""
    _, finding = judged(history([10, 0, 0]))
    assert finding.standing == "watching"
    assert "1 of 3 flow runs" in finding.reason


def test_a_share_of_one_percent_is_not_raised():
    """Null: the expected share is at the threshold. 400 streams of 300 flow runs of ten tasks,
    all failing together or none (ICC 1), looked at after each: at most 5 % may raise. A z test of
    all runs so far at each look raises far more."""
    rng = np.random.default_rng(11)
    times = [NOON + timedelta(minutes=30 * n) for n in range(300)]
    raised = naive = 0
    for _ in range(400):
        values = (rng.random(300) < 0.01).astype(float)
        found = only(history([1]))
        stream = stream_of(found, NOON)
        stream = type(stream)(**(vars(stream) | {"times": times, "values": values}))
        raised += see([stream], times[-1])[0].weighed.crossed
        n = 10 * np.arange(1, 301)
        share = np.cumsum(10 * values) / n
        naive += bool(((share - 0.01) / np.sqrt(0.01 * 0.99 / n) > 1.645).any())
    assert GATE.threshold == 0.01
    assert raised <= 20
    assert naive >= 100


def test_units_for_a_measurement_are_all_flow_runs_with_the_task():
    """Those under way are there without a value, so that a backlog is seen."""
    frame = history([0, 2])
    frame.loc[frame["process_id"] == "f1", "completed_at"] = pd.NaT
    first, second = units(frame, fingerprint_of, "p1-boom@fetch")
    assert (first.queued, first.completed, first.value) == (
        NOON,
        NOON + timedelta(minutes=1),
        0.0,
    )
    assert second.completed is None
    assert units(frame, fingerprint_of, "p1-boom@other") == []
