"""Looks at a change by days: what runs were like before it and are like since; weak evidence.

A day is 24 hours from the moment of the change, or back from where the baseline ends, and its value
is the mean of the units that queued within it. It is read once, `PATIENCE` after it is over, so
that the long runs of its evening are in it, and stays what it was read as: data that arrive late
make no second look. Between the two looks at the days only the guardrails are looked at.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from grace.measurement.arms import PATIENCE, counted, trip_of
from grace.measurement.blocks import Unit
from grace.measurement.metrics import metric
from grace.measurement.plan import Days, Plan
from grace.states import Verdict
from grace.statistics.before_after import (
    DAYS_BEFORE,
    FEWEST_DAYS,
    LOOKS,
    DaysJudgement,
    judge_days,
)

__all__ = [
    "FIRST_VERDICT",
    "LAST_VERDICT",
    "DaysLook",
    "baseline",
    "compare_days",
    "days_rows",
    "judged_days",
]

DAY = timedelta(days=1)
FIRST_VERDICT, LAST_VERDICT = (look * DAY + PATIENCE for look in LOOKS)

Means = tuple[float | None, ...]


@dataclass(frozen=True)
class DaysLook:
    """`before` and `after` hold a mean a day, None for a day without data.

    `stop` says why it ends without, or against, the word of the metric. `is_guarded` where that is
    a guardrail: only then is the change undone by itself.
    """

    number: int
    at: datetime
    before: Means
    after: Means
    judgement: DaysJudgement
    verdict: Verdict | None
    stop: str | None = None
    is_guarded: bool = False


def compare_days(
    plan: Plan,
    units: Sequence[Unit],
    begun: datetime,
    at: datetime,
    earlier: DaysLook | None = None,
) -> DaysLook:
    """What the days since `begun` say at a moment; `earlier` is the look before this one.

    Without an earlier look the units must reach back to where the baseline begins.
    """
    days = plan.by_days
    before = earlier.before if earlier else baseline(days, units)
    over = max(0, min((at - PATIENCE - begun) // DAY, LOOKS[-1]))
    known = earlier.after if earlier else ()
    after = (*known, *means(units, begun, over, at)[len(known) :])
    judgement = judged_days(plan, before, after)
    treated, _ = counted([unit for unit in units if begun <= unit.queued < at], at)
    trip = trip_of(days.guardrails, treated)
    verdict, stop = _ending(judgement, trip)
    number = earlier.number + 1 if earlier else 1
    return DaysLook(number, at, before, after, judgement, verdict, stop, trip is not None)


def judged_days(plan: Plan, before: Means, after: Means) -> DaysJudgement:
    return judge_days(
        before,
        after,
        better=plan.better,
        smallest_effect=plan.smallest_effect,
        level=plan.level,
    )


def baseline(days: Days, units: Sequence[Unit]) -> Means:
    """The days before; what ended only with the data that raised the proposal belongs to those."""
    last = days.baseline_to - timedelta(microseconds=1)
    return means(units, days.baseline_from, DAYS_BEFORE, last)


def means(units: Sequence[Unit], begin: datetime, days: int, at: datetime) -> Means:
    """The mean of each of so many days from `begin` on, of the units that were over by then."""
    found: list[list[float]] = [[] for _ in range(days)]
    for unit in units:
        number = (unit.queued - begin) // DAY
        is_over = unit.completed is not None and unit.completed <= at
        if 0 <= number < days and is_over and not math.isnan(unit.value):
            found[number].append(unit.value)
    return tuple(fmean(values) if values else None for values in found)


def days_rows(plan: Plan, seen: DaysLook) -> list[tuple[str, str]]:
    """What a look says, as a table for people: a name and its value a row."""
    measured, judgement = metric(plan.metric), seen.judgement
    change = measured.show_change
    effect = "-" if judgement.effect is None else change(judgement.effect)
    interval = f"not before day {LOOKS[0]}"
    if judgement.interval:
        low, high = judgement.interval
        interval = f"{change(low)} to {change(high)}"
    rows = [
        ("evidence", "**weak**: whatever else changed since then counts as its effect"),
        ("metric", f"{plan.metric}, a mean a day, *after* less *before*"),
        ("days before with data", f"{_known(seen.before)} of {DAYS_BEFORE}"),
        ("days after with data", f"{_known(seen.after)} of {len(seen.after)}"),
        ("effect", effect),
        (f"{100 * (1 - plan.level):.0f} % interval over both looks", interval),
        ("looked at", f"{seen.at:%Y-%m-%d %H:%M:%S} UTC, look {seen.number}"),
    ]
    if judgement.autocorrelation is not None:
        rows.append(("allowed for, from day to day", f"{judgement.autocorrelation:.2f}"))
    return [*rows, ("ended", seen.stop)] if seen.stop else rows


def _known(days: Means) -> int:
    return sum(value is not None for value in days)


def _ending(judgement: DaysJudgement, trip: str | None) -> tuple[Verdict | None, str | None]:
    if trip is not None:
        return "regressed", trip
    if judgement.days_before < FEWEST_DAYS:
        return "insufficient_data", (
            f"unmeasured: only {judgement.days_before} of the {DAYS_BEFORE} days before have "
            f"data, and it takes {FEWEST_DAYS}"
        )
    if judgement.verdict == "insufficient_data":
        return judgement.verdict, f"day {LOOKS[-1]} is over"
    return judgement.verdict, None
