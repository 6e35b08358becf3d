"""Holds an analysis against the plain computation, figure by figure."""

from datetime import UTC, datetime, timedelta
from math import isclose
from typing import Any

import pytest

from grace.analysis.durations import Quantile
from grace.analysis.rates import Mean, Rate
from grace.analysis.response import Duration, Timing
from grace.analysis.window import Analysis
from tests.analysis.naive import (
    Naive,
    Pairs,
    Row,
    approved,
    by,
    calibration_error,
    deployment,
    executed,
    first_of,
    governed,
    has_limits,
    in_units,
    interval,
    judged,
    mean,
    mean_interval,
    quantile,
    rate,
    response,
    seconds,
    usable,
)

CANCELLED = {"cancelled", "canceled"}
HOUR = timedelta(hours=1)
STATED = ("recommendation_confidence", "pattern_confidence", "predicted_likelihood")


def check(analysis: Analysis, naive: Naive, since: datetime, until: datetime) -> None:
    window = since.astimezone(UTC), until.astimezone(UTC)
    tables = {
        name: governed(naive.rows(name, *window))
        for name in (
            "healing_attempts",
            "agentic_spine_logs",
            "ml_learning_logs",
            "parallel_process_logs",
        )
    }
    _healing(analysis, tables["healing_attempts"])
    _autonomy(analysis, tables["agentic_spine_logs"])
    _learning(analysis, tables["ml_learning_logs"])
    _patterns(analysis, naive, *window)
    _response(analysis, tables["parallel_process_logs"])
    _activity(analysis, tables, *window)
    _hours(analysis, tables["parallel_process_logs"])
    _health(analysis, tables)
    _figures(analysis)


def _healing(analysis: Analysis, rows: list[Row]) -> None:
    found = analysis.healing
    assert found.attempts == len(rows)
    _success(found.success, rows)
    for parts, column in (
        (found.by_severity, "severity"),
        (found.by_error_type, "error_type"),
        (found.by_fix_type, "fix_type"),
    ):
        assert list(parts) == list(by(rows, column))
        for part, held in by(rows, column).items():
            _success(parts[part], held)
    needing = [row for row in rows if row.get("requires_approval")]
    answers = [_approval(row) for row in needing]
    assert found.approval.hits == answers.count(True)
    assert found.approval.n == answers.count(True) + answers.count(False)
    assert found.approval.open == answers.count(None)


def _approval(row: Row) -> bool | None:
    if row.get("status") == "rejected":
        return False
    return True if row.get("approved_by") else None


def _success(found: Rate, rows: list[Row]) -> None:
    def outcome(row: Row) -> bool | None:
        return row.get("success")

    _rate(found, rows, outcome)
    pending = [row for row in rows if row.get("success") is None]
    cancelled = [row for row in pending if (row.get("status") or "").lower() in CANCELLED]
    assert (found.neither, found.open) == (len(cancelled), len(pending) - len(cancelled))


def _rate(found: Rate, rows: list[Row], outcome: Any) -> None:
    hits, n, value = rate(rows, outcome)
    assert (found.hits, found.n, found.value) == (hits, n, value)
    known = [(row["unit"], outcome(row)) for row in rows if outcome(row) is not None]
    assert found.units == len({unit for unit, _ in known})
    assert found.interval == (None if len(known) == 0 else _approx(interval(known)))


def _approx(limits: tuple[float, float] | None) -> Any:
    return None if limits is None else pytest.approx(limits, abs=1e-6)


def _autonomy(analysis: Analysis, rows: list[Row]) -> None:
    found = analysis.autonomy
    standings = [executed(row) for row in rows]
    assert found.decisions == len(rows)
    assert found.executed == standings.count(True)
    assert found.open == standings.count(None)
    assert found.not_executed == standings.count(False)
    _rate(found.execution, rows, executed)
    _rate(found.approval, rows, approved)
    assert list(found.by_decision_type) == list(by(rows, "decision_type"))
    for part, held in by(rows, "decision_type").items():
        _rate(found.by_decision_type[part], held, executed)
    _mean(found.confidence, usable(rows, lambda row: row.get("confidence"), 1.0), "logit")


def _mean(found: Mean, pairs: Pairs, scale: str) -> None:
    assert (found.n, found.units) == (len(pairs), len({unit for unit, _ in pairs}))
    values = [value for _, value in pairs]
    assert found.value == (pytest.approx(mean(values), rel=1e-9, abs=1e-12) if values else None)
    _limits(found, in_units(pairs), scale)


def _limits(found: Mean, units: list[tuple[float, float]], scale: str) -> None:
    limits = mean_interval(units, scale)
    assert found.interval == (limits and pytest.approx(limits, rel=1e-6, abs=1e-12))


def _learning(analysis: Analysis, rows: list[Row]) -> None:
    found, predictions = (
        analysis.learning,
        [r for r in rows if r.get("learning_type") == "prediction"],
    )
    assert found.rows == len(rows)
    assert found.by_type == {kind: len(held) for kind, held in by(rows, "learning_type").items()}
    assert found.predictions == len(predictions)
    _rate(found.accuracy, predictions, lambda row: row.get("prediction_correct"))
    _mean(found.confidence, usable(rows, lambda row: first_of(row, *STATED), 1.0), "logit")
    triples, calibration = judged(rows), found.calibration
    assert calibration.n == len(triples)
    known = [row for row in predictions if row.get("prediction_correct") is not None]
    assert calibration.n + calibration.unstated + calibration.unusable == len(known)
    error = calibration_error([(stated, came) for _, stated, came in triples])
    assert calibration.error == pytest.approx(error, abs=1e-12)
    _mean(calibration.brier, [(unit, (s - came) ** 2) for unit, s, came in triples], "logit")
    _mean(calibration.gap, [(unit, s - came) for unit, s, came in triples], "plain")
    promised = [(unit, (s - came) ** 2 - s * (1 - s)) for unit, s, came in triples]
    _mean(calibration.excess, promised, "plain")
    if calibration.error_interval:
        low, high = calibration.error_interval
        assert low <= calibration.error <= high


def _patterns(analysis: Analysis, naive: Naive, since: datetime, until: datetime) -> None:
    first = naive.patterns().values()
    assert analysis.learning.patterns == sum(at < until for at in first)
    assert analysis.learning.patterns_learned == sum(since <= at < until for at in first)
    updates = [
        row
        for row in naive.rows("ml_learning_logs", since, until)
        if row.get("learning_type") == "pattern_update"
    ]
    assert analysis.learning.pattern_updates == len(updates)


def _response(analysis: Analysis, rows: list[Row]) -> None:
    found = analysis.response
    _timing(found.overall, rows)
    groups = {
        "by_type": by(rows, "process_type"),
        "by_task": by([r for r in rows if r.get("process_type") != "flow_run"], "task_name"),
        "by_deployment": by(
            [{**r, "d": deployment(r)} for r in rows if r.get("process_type") != "task_run"], "d"
        ),
    }
    for name, parts in groups.items():
        told: dict[str, Timing] = getattr(found, name)
        assert list(told) == list(parts)
        for part, held in parts.items():
            _timing(told[part], held)


def _timing(found: Timing, rows: list[Row]) -> None:
    _succeeded(found.success, rows)
    _duration(found.wait, seconds(rows, "wait_time_seconds"))
    _duration(found.execution, seconds(rows, "execution_time_seconds"))
    _duration(found.response, usable(rows, response))


def _succeeded(found: Rate, rows: list[Row]) -> None:
    _rate(found, rows, lambda row: row.get("success"))
    unknown = [row for row in rows if row.get("success") is None]
    assert found.open == sum(row.get("completed_at") is None for row in unknown)
    assert found.neither == len(unknown) - found.open


def _duration(found: Duration, pairs: Pairs) -> None:
    _mean(found.mean, pairs, "log")
    for told, share in ((found.p50, 0.5), (found.p95, 0.95), (found.p99, 0.99)):
        _quantile(told, pairs, share)


def _quantile(told: Quantile, pairs: Pairs, share: float) -> None:
    exact = quantile([value for _, value in pairs], share)
    assert (told.value is None, told.interval is None) == (exact is None, not has_limits(pairs))
    if exact is not None and told.value is not None:
        assert isclose(told.value, exact, rel_tol=0.01)
    if told.interval:
        low, high = told.interval
        assert low <= told.value <= (high if high is not None else told.value)


def _activity(
    analysis: Analysis, tables: dict[str, list[Row]], since: datetime, until: datetime
) -> None:
    events = sum(map(len, tables.values()))
    found = analysis.activity
    assert found.events == events
    assert {log: n for log, n in found.by_log.items() if n} == {
        log: len(rows) for log, rows in tables.items() if rows
    }
    assert found.per_hour.value == pytest.approx(events / ((until - since) / HOUR))
    _limits(found.per_hour, [(hour.events, hour.covered) for hour in analysis.hours], "log")
    per_hour = {hour.start: hour.events for hour in analysis.hours if hour.events}
    told: dict[datetime, int] = {}
    for rows in tables.values():
        for row in rows:
            hour = row["at"].replace(minute=0, second=0, microsecond=0)
            told[hour] = told.get(hour, 0) + 1
    assert per_hour == told
    for hour in analysis.hours:
        assert hour.covered == (min(until, hour.start + HOUR) - max(since, hour.start)) / HOUR
    assert sum(hour.covered for hour in analysis.hours) == pytest.approx((until - since) / HOUR)


def _hours(analysis: Analysis, rows: list[Row]) -> None:
    for hour in analysis.hours:
        held = [row for row in rows if hour.start <= row["at"] < hour.start + HOUR]
        wait, execution = (seconds(held, f"{name}_time_seconds") for name in ("wait", "execution"))
        _succeeded(hour.success, held)
        _quantile(hour.wait_p50, wait, 0.5)
        _quantile(hour.wait_p95, wait, 0.95)
        _quantile(hour.execution_p50, execution, 0.5)
        _quantile(hour.execution_p95, execution, 0.95)


def _figures(analysis: Analysis) -> None:
    """Each is one of those that were held against the plain computation already."""
    response = analysis.response
    tasks = response.by_type.get("task_run", response.overall)
    found: dict[str, Rate | Mean] = {
        "healing_success_rate": analysis.healing.success,
        "ml_confidence": analysis.learning.confidence,
        "prediction_accuracy": analysis.learning.accuracy,
        "execution_rate": analysis.autonomy.execution,
        "task_success_rate": tasks.success,
        "task_execution_seconds": tasks.execution.mean,
        "task_wait_seconds": tasks.wait.mean,
        "response_seconds": response.overall.response.mean,
        "events_per_hour": analysis.activity.per_hour,
    }
    health = analysis.health
    expected = {name: (each.value, each.interval, each.n) for name, each in found.items()}
    expected["health_score"] = (health.score, health.interval, sum(p.n for p in health.parts))
    assert {each.name: (each.value, each.interval, each.n) for each in analysis.figures} == expected


def _health(analysis: Analysis, tables: dict[str, list[Row]]) -> None:
    _, _, healing = rate(tables["healing_attempts"], lambda row: row.get("success"))
    learned = tables["ml_learning_logs"]
    stated = [value for _, value in usable(learned, lambda row: first_of(row, *STATED), 1.0)]
    decisions = len(tables["agentic_spine_logs"])
    parts = [
        (40, healing),
        (30, mean(stated)),
        (30, min(1.0, decisions / 10) if decisions else None),
    ]
    known = [(weight, value) for weight, value in parts if value is not None]
    found = analysis.health
    if not known:
        assert (found.standing, found.score, found.grade) == ("insufficient_data", None, None)
        return
    share = sum(w * v for w, v in known) / sum(w for w, _ in known)
    assert found.score == pytest.approx(100 * share)
    grades = [
        letter
        for least, letter in ((0.9, "A"), (0.8, "B"), (0.7, "C"), (0.6, "D"))
        if share >= least - 1e-9
    ]
    assert found.grade == (grades[0] if grades else "F")
