"""What the log says of a metric: its value over the last days, and its value day by day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from grace.analysis.library import Library
from grace.analysis.rates import Interval
from grace.analysis.reader import open_reader
from grace.analysis.rollups import advance
from grace.analysis.rules import Rules
from grace.goals.daily import Days, Measured, days_between, figures
from grace.goals.kpis import DAY, Daily, kpis_between
from grace.goals.metrics import PATTERNS, Metric, metric_named
from grace.store import Store
from grace.store.hours import HOUR
from grace.values import microseconds

__all__ = ["HISTORY_DAYS", "WINDOW_DAYS", "Seen", "observe"]

WINDOW_DAYS = 7
HISTORY_DAYS = 180  # as far back as anything is looked at
FEWEST = 5  # attempts, runs, ... that a figure must rest on
NOTHING = Measured(None, None, 0)


@dataclass(frozen=True)
class Seen:
    """`value` is over the last 7 whole days (UTC) and today so far; of a KPI, the newest in them.

    `n` counts what it was measured on. `daily` has one value a UTC day, NaN in gaps, up to the last
    whole day; of a KPI up to today, if it was logged today.
    """

    metric: Metric
    value: float | None
    interval: Interval | None
    n: int
    daily: "pd.Series[float]"

    @property
    def is_enough(self) -> bool:
        """Whether the value may be judged by."""
        return self.value is not None and (self.metric.counted or self.n >= FEWEST)


def observe(store: Store, now: datetime, rules: Rules, names: Iterable[str]) -> dict[str, Seen]:
    """Each metric asked for. Raises BadInput for one that is none."""
    asked = {name: metric_named(name) for name in names}
    today = microseconds(now) // DAY * DAY
    first, window, end = today - HISTORY_DAYS * DAY, today - WINDOW_DAYS * DAY, microseconds(now)
    advance(store, now, rules)
    days = days_between(store, now, rules, first, today)
    with store.reading() as connection:
        reader = open_reader(connection, rules)
        begun = reader.first_time()
        start = max(window, (begun if begun is not None else end) // HOUR * HOUR)
        # an hour that is not over has fewer events than it will have
        until = today if start < today else end
        hours = reader.hours(start, end, brief=True)
        measured = {} if begun is None else figures(hours, start, max(until, start))
        kpis = kpis_between(connection, first, end + 1) if _any_kpi(asked) else {}
        library = reader.library
    return {name: _seen(each, measured, days, kpis, library, today) for name, each in asked.items()}


def _any_kpi(asked: dict[str, Metric]) -> bool:
    return any(metric.kpi for metric in asked.values())


def _seen(
    metric: Metric,
    measured: dict[str, Measured],
    days: Days,
    kpis: Daily,
    library: Library,
    today: int,
) -> Seen:
    if metric.kpi is not None:
        return _kpi(metric, kpis.get(metric.kpi, {}), today)
    if metric.name == PATTERNS:
        return _patterns(metric, library, today)
    found = measured.get(metric.name, NOTHING)
    values = {day: of_day[metric.name] for day, of_day in days.items() if metric.name in of_day}
    return Seen(metric, found.value, found.interval, found.n, _series(values, today - DAY))


def _kpi(metric: Metric, values: dict[int, float], today: int) -> Seen:
    recent = [value for day, value in values.items() if day >= today - WINDOW_DAYS * DAY]
    last = today if today in values else today - DAY
    return Seen(metric, recent[-1] if recent else None, None, len(recent), _series(values, last))


def _patterns(metric: Metric, library: Library, today: int) -> Seen:
    """How many the library holds; nothing is known before it holds one."""
    held = library.held(today + DAY)
    first = min(library.first.values(), default=today) // DAY * DAY
    start = max(first, today - HISTORY_DAYS * DAY)
    values = {day: float(library.held(day + DAY)) for day in range(start, today, DAY)}
    return Seen(metric, float(held) if held else None, None, held, _series(values, today - DAY))


def _series(values: dict[int, float], last: int) -> "pd.Series[float]":
    """Every day from the first with a value up to `last`, NaN where there is none."""
    first = min(values, default=last)
    days = range(first, last + DAY, DAY) if values else range(0)
    index = pd.to_datetime(list(days), unit="us", utc=True)
    return pd.Series([values.get(day, float("nan")) for day in days], index, dtype="float64")
