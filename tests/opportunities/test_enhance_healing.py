"""When healing works too seldom, and which fix is taught for which error."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from grace.opportunities.drawing import Case
from grace.opportunities.enhance_healing import TARGET, case_for, healing_units, stream_of
from grace.opportunities.finding import Finding
from grace.opportunities.streams import see
from grace.patterns.learning import learn
from grace.patterns.library import Library
from grace.patterns.record import records
from grace.settings import Settings
from grace.store import Store
from grace.store.read import newest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=3)


def attempt(number, error, fix, success, *, at=NOON, flow_run=None):
    return {
        "attempt_id": f"a{number}",
        "error_message": error,
        "fix_type": fix,
        "success": success,
        "attempted_at": at,
        "verified_at": at + timedelta(minutes=1) if success is not None else None,
        "metadata": {"flow_run": flow_run} if flow_run else None,
    }


def logged(settings: Settings, store: Store, rows):
    with store.writing(NOON) as writer:
        writer.append("healing_attempts", rows, source="test")
    learn(settings, store, NOON)
    return newest(store, "healing_attempts"), Library.load(store)


def poor(*, restart=8):
    """Two days of twelve attempts an hour: a retry heals nothing, a restart so many of ten."""
    rows = []
    for hour in range(48):
        at = NOON + timedelta(hours=hour)
        rows += [
            attempt(f"{hour}-{n}", f"RuntimeError: queue {n} is full", "retry", False, at=at)
            for n in range(11)
        ]
        healed = hour % 10 < restart
        rows.append(attempt(f"{hour}-r", "RuntimeError: queue 1 is full", "restart", healed, at=at))
    return rows


def judged(attempts, library, is_free=lambda target: True):
    units = healing_units(attempts, LATER)
    (seen,) = see([stream_of(units, NOON)], LATER)
    return seen, case_for(seen, records(attempts, library), library, is_free, 100)


def test_the_unit_is_the_flow_run_and_else_the_hour(settings, store):
    """Pending attempts are left out, and so is an hour that is not over."""
    rows = [
        attempt(1, "a", "retry", True, flow_run="f1"),
        attempt(2, "a", "retry", False, flow_run="f1", at=NOON + timedelta(minutes=5)),
        attempt(3, "a", "retry", True, at=NOON + timedelta(minutes=30)),
        attempt(4, "a", "retry", None, at=NOON + timedelta(minutes=31)),
        attempt(5, "a", "retry", True, at=NOON + timedelta(hours=1, minutes=1)),
    ]
    attempts, _ = logged(settings, store, rows)
    units = healing_units(attempts, NOON + timedelta(hours=1, minutes=30))
    assert [(each.queued, each.completed, each.value) for each in units] == [
        (NOON, NOON + timedelta(minutes=6), 0.5),
        (NOON, NOON + timedelta(hours=1), 1.0),
    ]
    assert json.loads(attempts["metadata"].iloc[0]) == {"flow_run": "f1"}


def test_a_fix_that_is_surely_better_is_taught(settings, store):
    """Of 48 restarts four fifths heal; with the retries beside them less than a tenth does."""
    attempts, library = logged(settings, store, poor())
    seen, case = judged(attempts, library)
    assert seen.raised
    assert isinstance(case, Case)
    (pattern,) = library
    assert case.change.target == f"pattern:{pattern.fingerprint}"
    assert case.change.after["fix"] == "restart"
    assert case.change.after["retries"] == 0
    assert case.prediction.then == pytest.approx(0.8, abs=0.05)
    assert case.prediction.now < 0.1
    assert seen.stream.unit == "hour"


def test_what_is_open_or_rests_is_left_alone(settings, store):
    attempts, library = logged(settings, store, poor())
    _, finding = judged(attempts, library, is_free=lambda target: False)
    assert isinstance(finding, Finding)
    assert (finding.target, finding.standing) == (TARGET, "held back")
    assert "is open or rests" in finding.reason


def test_without_a_better_fix_nothing_is_proposed(settings, store):
    """Every kind of fix fails: a rule would teach nothing."""
    attempts, library = logged(settings, store, poor(restart=0))
    seen, finding = judged(attempts, library)
    assert seen.raised
    assert finding.standing == "held back"
    assert "no pattern that fails" in finding.reason


def test_a_healing_rate_above_the_threshold_is_left_alone(settings, store):
    """Nine of ten heal: nothing points below 85 %."""
    rows = [
        attempt(
            f"{n}", "RuntimeError: x", "retry", n % 10 != 0, at=NOON + timedelta(minutes=12 * n)
        )
        for n in range(200)
    ]
    attempts, _ = logged(settings, store, rows)
    (seen,) = see([stream_of(healing_units(attempts, LATER), NOON)], LATER)
    assert not seen.raised
    assert healing_units(attempts.iloc[:0], LATER) == []
