"""The forecast of a daily series: one method, its path, its interval, and its record so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from grace.forecasting.folds import choose
from grace.forecasting.methods import Floats
from grace.forecasting.origins import Mark, Origin, TrackRecord, track_record
from grace.forecasting.spread import INSIDE, Spread, spread

FEWEST_DAYS = 8
FEWEST_FOR_P = 28
MARKED_LEADS = (1, 3, 7, 14, 30, 60)


@dataclass(frozen=True)
class Step:
    """One day ahead: the forecast, and the ends of its 80 % interval."""

    day: date
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """The value `path[-1].day` will have, with an 80 % interval, and the way there.

    `n` is the number of days with a value. `coverage` is the share of `coverage_n` earlier
    forecasts (the origins) whose interval held what came; None while none came due. `origin` is
    to be kept and handed back on later days.
    """

    method: str
    value: float
    low: float
    high: float
    path: tuple[Step, ...]
    n: int
    coverage: float | None
    coverage_n: int
    origin: Origin
    _spread: Spread = field(repr=False, compare=False)
    _raw: float = field(repr=False)
    _lead: int = field(repr=False)

    def p_beyond(self, target: float, direction: Literal["higher", "lower"]) -> float | None:
        """P that the value at the horizon is at `target` or beyond; None below 28 daily values."""
        if self.n < FEWEST_FOR_P:
            return None
        reach = self._lead, self.origin.widening, direction == "higher"
        return self._spread.beyond(target - self._raw, *reach)


def forecast(
    series: pd.Series[float],
    horizon_days: int,
    *,
    origins: Sequence[Origin] = (),
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Forecast | None:
    """Forecast a daily series, whose last day is today, for each day up to the horizon.

    The index is of UTC days, one row each and in order; NaN is a day without a value. None below
    8 values. `bounds` are what values cannot leave, (0, 1) for a rate: forecasts are cut there.
    Raises ValueError for a horizon below 1 and for an index that is not one of days.
    """
    days = _days(series, horizon_days)
    values = series.to_numpy(dtype=float, na_value=np.nan)
    there = np.flatnonzero(np.isfinite(values))
    if there.size < FEWEST_DAYS:
        return None
    first, last = int(there[0]), int(there[-1])
    known = np.where(np.isfinite(values), values, np.nan)[first : last + 1]
    # a day without a value yet is one more day to look ahead
    stale = values.size - 1 - last
    lead = stale + horizon_days
    choice = choose(known, lead)
    off = spread(choice.errors, choice.leads)
    actual = {day.date(): float(v) for day, v in zip(days[there], values[there], strict=True)}
    record = track_record(origins, actual, INSIDE)
    leads = np.arange(stale + 1, lead + 1, dtype=float)
    raw = choice.method.at(np.array([known.size - 1]), leads)[0]
    path = _path(days[-1].date(), raw, off.interval(leads), record.widening, bounds)
    end = path[-1]
    return Forecast(
        method=choice.method.name,
        value=end.value,
        low=end.low,
        high=end.high,
        path=path,
        n=int(there.size),
        coverage=record.coverage,
        coverage_n=record.n,
        origin=_origin(days[-1].date(), choice.method.name, record, path),
        _spread=off,
        _raw=float(raw[-1]),
        _lead=lead,
    )


def _days(series: pd.Series[float], horizon_days: int) -> pd.DatetimeIndex:
    index = series.index
    if horizon_days < 1:
        raise ValueError("a forecast is of 1 day ahead at least")
    if not isinstance(index, pd.DatetimeIndex):
        raise ValueError("a forecast is made from a series of days")
    day = pd.Timedelta(days=1)
    if len(index) and ((index.normalize() != index).any() or (np.diff(index) != day).any()):
        raise ValueError("a series of days has one row for each day, in order")
    return index


def _path(
    today: date,
    raw: Floats,
    room: tuple[Floats, Floats],
    widening: float,
    bounds: tuple[float, float],
) -> tuple[Step, ...]:
    value, low, high = (
        np.clip(each, *bounds).tolist()
        for each in (raw, raw + widening * room[0], raw + widening * room[1])
    )
    return tuple(
        Step(today + timedelta(days=ahead), *step)
        for ahead, step in enumerate(zip(value, low, high, strict=True), 1)
    )


def _origin(today: date, method: str, record: TrackRecord, path: Sequence[Step]) -> Origin:
    leads = sorted({k for k in MARKED_LEADS if k < len(path)} | {len(path)})
    marks = tuple(Mark(k, path[k - 1].value, path[k - 1].low, path[k - 1].high) for k in leads)
    return Origin(today, method, record.widening, marks)
