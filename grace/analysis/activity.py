"""Activity: what the governed system did, hour by hour: runs, attempts, decisions and learning."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import numpy as np

from grace.analysis.durations import Quantile, quantile
from grace.analysis.rates import Mean, Rate, Record, mean_interval
from grace.analysis.tally import EMPTY, WHOLE, Hours, Key, Tally
from grace.store.hours import HOUR
from grace.values import from_microseconds

__all__ = ["Activity", "Hour", "hours_of", "per_hour", "report_activity"]

SOURCES = {
    "parallel_process_logs": "response.success",
    "healing_attempts": "healing.success",
    "agentic_spine_logs": "autonomy.execution",
    "ml_learning_logs": "learning.rows",
}


class Hour(Record):
    """An hour of the clock (UTC), or what of it lies in the window: `covered`, in hours."""

    start: datetime
    covered: float
    events: int
    success: Rate
    wait_p50: Quantile
    wait_p95: Quantile
    execution_p50: Quantile
    execution_p95: Quantile


class Activity(Record):
    """`per_hour` has the hours of the clock as its units and n, empty ones among them."""

    events: int
    by_log: dict[str, int]
    per_hour: Mean


def report_activity(hours: Hours, since: int, until: int) -> Activity:
    by_log = Counter[str]()
    for tallied in hours.values():
        by_log.update(_events(tallied))
    return Activity(
        events=by_log.total(), by_log=dict(by_log), per_hour=per_hour(hours, since, until)
    )


def per_hour(hours: Hours, since: int, until: int) -> Mean:
    """Events an hour; no figure of a window of no length."""
    starts = _starts(since, until)
    events = np.array([sum(_events(hours.get(start, {})).values()) for start in starts], np.float64)
    covered = np.array([_covered(start, since, until) for start in starts], np.float64)
    return Mean(
        value=float(events.sum()) / ((until - since) / HOUR) if starts else None,
        interval=mean_interval(events, covered, "log"),
        n=len(starts),
        units=len(starts),
    )


def hours_of(hours: Hours, since: int, until: int) -> tuple[Hour, ...]:
    """Every hour of a window, those without a row too."""
    return tuple(_hour(hours, start, since, until) for start in _starts(since, until))


def _starts(since: int, until: int) -> range:
    return range(since // HOUR * HOUR, until, HOUR)


def _covered(start: int, since: int, until: int) -> float:
    return (min(until, start + HOUR) - max(since, start)) / HOUR


def _hour(hours: Hours, start: int, since: int, until: int) -> Hour:
    tallied = hours.get(start, {})
    wait, execution, success = (
        tallied.get((f"response.{name}", WHOLE), EMPTY) for name in ("wait", "execution", "success")
    )
    return Hour(
        start=from_microseconds(start),
        covered=_covered(start, since, until),
        events=sum(_events(tallied).values()),
        success=success.rate(),
        wait_p50=quantile(wait, 0.5),
        wait_p95=quantile(wait, 0.95),
        execution_p50=quantile(execution, 0.5),
        execution_p95=quantile(execution, 0.95),
    )


def _events(tallied: Mapping[Key, Tally]) -> dict[str, int]:
    """Rows of each log table, whatever came of them."""
    wholes = {log: tallied.get((measure, WHOLE), EMPTY) for log, measure in SOURCES.items()}
    return {log: tally.n + sum(tally.apart.values()) for log, tally in wholes.items()}
