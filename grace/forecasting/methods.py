"""The ways to carry a daily series on, each as it would have spoken on every past day.

All are of one form, so that a thousand back-tests are a few array operations: the forecast made
on day t for k days later is level[t] + change[t] * gain(k), and the profile of that weekday where
the method has one. Nothing at t looks beyond t.

Sources: Hyndman & Athanasopoulos, "Forecasting: Principles and Practice", 3rd ed. 2021, 5.2 (naive,
drift, seasonal naive), 8.1 (exponential smoothing), 8.2 (damped trend); Assimakopoulos &
Nikolopoulos, "The theta model", Int. J. Forecasting 16:4, 2000, in the form that Hyndman & Billah
gave it (19:2, 2003): exponential smoothing with half the slope of the trend line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats: TypeAlias = npt.NDArray[np.float64]
Gain: TypeAlias = Callable[[Floats], Floats]

WEEK = 7
_SMOOTHINGS = (0.05, 0.15, 0.35, 0.6)
_TREND_DAYS = 28
_PROFILE_DAYS = 56
_DAMPING = 0.95
_REVERSIONS = (0.6, 0.85)


@dataclass(frozen=True)
class Method:
    """A way to forecast; arrays by the day of the forecast. `profile` is (days, 7), by weekday."""

    name: str
    level: Floats
    change: Floats | None = None
    gain: Gain | None = None
    profile: Floats | None = None

    def at(self, days: npt.NDArray[np.intp], leads: Floats) -> Floats:
        """The forecasts made on `days` for `leads` days later: (days, leads)."""
        spoken = np.repeat(self.level[days, None], leads.size, axis=1)
        if self.change is not None and self.gain is not None:
            spoken = spoken + self.change[days, None] * self.gain(leads)
        if self.profile is not None:
            weekday = (days[:, None] + leads.astype(np.intp)) % WEEK
            spoken = spoken + self.profile[days[:, None], weekday]
        return spoken


def methods(values: Floats) -> Iterator[Method]:
    """All that can be tried on a daily series (NaN is a gap, the first value is none).

    The first is naive: the last value, for ever. Weekdays count from three weeks on.
    """
    yield Method("last value", filled(values))
    yield from _without_weekdays(values, "", None)
    if values.size >= 3 * WEEK:
        yield Method("same weekday last week", np.zeros(values.size), profile=_last_week(values))
        profile = _weekday_profile(values)
        days = np.arange(values.size)
        known = np.vstack([np.zeros((1, WEEK)), profile[:-1]])
        level = values - known[days, days % WEEK]
        yield Method("last value, with weekdays", filled(level), profile=profile)
        yield from _without_weekdays(level, ", with weekdays", profile)


def _without_weekdays(values: Floats, suffix: str, profile: Floats | None) -> Iterator[Method]:
    last, mean = filled(values), smoothed(values, 0.0)
    levels = {alpha: smoothed(values, alpha) for alpha in _SMOOTHINGS}
    for alpha, level in levels.items():
        yield Method(f"smoothed level ({alpha:g} a day){suffix}", level, profile=profile)
    for kept in _REVERSIONS:
        name = f"return to the mean ({1 - kept:.2g} a day){suffix}"
        yield Method(name, mean, last - mean, partial(_fading, kept), profile)
    long, short = slope(values, values.size), slope(values, _TREND_DAYS)
    yield Method(f"drift{suffix}", last, _mean_step(last), partial(_growing, 0.0), profile)
    for alpha in _SMOOTHINGS[1:3]:
        # a smoothed level lags a trend by (1 - alpha) / alpha days
        lag = (1 - alpha) / alpha
        name = f"theta ({alpha:g} a day){suffix}"
        yield Method(name, levels[alpha], long / 2, partial(_growing, lag), profile)
        name = f"trend of all days ({alpha:g} a day){suffix}"
        yield Method(name, levels[alpha], long, partial(_growing, lag), profile)
        name = f"damped trend ({alpha:g} a day){suffix}"
        yield Method(name, levels[alpha], short, partial(_damped, lag), profile)


def _fading(kept: float, leads: Floats) -> Floats:
    return np.asarray(kept**leads)


def _growing(lag: float, leads: Floats) -> Floats:
    return leads + lag


def _damped(lag: float, leads: Floats) -> Floats:
    return np.asarray(_DAMPING * (1 - _DAMPING**leads) / (1 - _DAMPING)) + lag


def filled(values: Floats) -> Floats:
    """Each day's last value so far; the first one must be there."""
    seen = np.where(np.isnan(values), 0, np.arange(values.size))
    return np.asarray(values[np.maximum.accumulate(seen)])


def smoothed(values: Floats, alpha: float) -> Floats:
    """Exponentially weighted mean of all days so far, with weights that add up to one.

    With an `alpha` of 0 the mean of all days.
    """
    days = pd.Series(values)
    return (days.ewm(alpha=alpha) if alpha else days.expanding()).mean().to_numpy()


def slope(values: Floats, window: int) -> Floats:
    """Least-squares slope a day of the last `window` days, at each day; 0 below three values."""
    there = ~np.isnan(values)
    day = np.arange(values.size, dtype=float) - values.size / 2
    y = np.where(there, values, 0.0)
    x = np.where(there, day, 0.0)
    n, sx, sy, sxx, sxy = (_moving_sum(each, window) for each in (there, x, y, x * x, x * y))
    spread = n * sxx - sx**2
    enough = n >= 3
    return np.where(enough, (n * sxy - sx * sy) / np.where(enough, spread, 1.0), 0.0)


def _mean_step(last: Floats) -> Floats:
    days = np.arange(last.size)
    return np.asarray((last - last[0]) / np.maximum(days, 1))


def _moving_sum(values: npt.NDArray[np.generic], window: int) -> Floats:
    total = np.cumsum(values, axis=0, dtype=float)
    if window < len(values):
        total[window:] -= total[:-window].copy()
    return total


def _weekday_profile(values: Floats) -> Floats:
    """For each day, how far each weekday lies off its week, from the eight weeks before.

    A day is compared with the mean of the seven days around it. Weekdays not seen yet are at 0,
    and few sights are drawn towards it.
    """
    whole = filled(values)
    around = _moving_sum(whole, WEEK) / WEEK
    off = values[WEEK // 2 : values.size - WEEK // 2] - around[WEEK - 1 :]
    # known three days later than the day itself, when its week is over
    day = np.arange(WEEK // 2, values.size - WEEK // 2)
    sums, counts = np.zeros((values.size, WEEK)), np.zeros((values.size, WEEK))
    there = ~np.isnan(off)
    sums[day[there] + WEEK // 2, day[there] % WEEK] = off[there]
    counts[day[there] + WEEK // 2, day[there] % WEEK] = 1.0
    return _moving_sum(sums, _PROFILE_DAYS) / (_moving_sum(counts, _PROFILE_DAYS) + 1.0)


def _last_week(values: Floats) -> Floats:
    """For each day and weekday, the last value on that weekday; where none, the last value."""
    whole = filled(values)
    day = np.arange(values.size)[:, None]
    latest = day - (day - np.arange(WEEK)) % WEEK
    return np.asarray(whole[np.maximum(latest, 0)])
