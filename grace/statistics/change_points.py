"""Change points of an hourly series: since when it is as it is. They tell, they never raise.

The series loses its daily and weekly cycle, becomes normal scores (so that skew and outliers carry
no more than their rank; van der Waerden 1952), and is cut where that lowers the squared error by
more than a penalty per cut, with at least ten points between two cuts: the optimal cuts are found
by PELT (Killick, Fearnhead & Eckley, "Optimal detection of changepoints with a linear computational
cost", JASA 107, 2012), as ruptures' KernelCPD computes it (Truong, Oudre & Vayatis, "Selective
review of offline change point detection methods", Signal Processing 167, 2020).

An hour is often like the hour before, which looks like a change where there is none. So the
penalty is in units of the long-run variance, taken as that of an AR(1) whose correlation comes from
differences of one and two steps, which a few shifts hardly touch (Chakar, Lebarbier, Levy-Leduc &
Robin, "A robust approach for estimating change-points in the mean of an AR(1) process", Bernoulli
23:2, 2017).
The penalty, 3.2 times the logarithm of the number of points, is set by simulation: `python -m
benchmarks.change_points`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import log

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from grace.statistics.betting import Floats

FEWEST_POINTS = 10
"""Of a segment."""
PENALTY = 3.2
_DAY = 24
_WEEK = 7 * _DAY
_CYCLES = 3  # so many must have been seen before one is taken out
_MOST_CORRELATED = 0.9


def since_when(series: pd.Series[float]) -> datetime | None:
    """The first hour, in UTC, after the last change; None where none is found.

    The index is of hours, in any order, without a zone taken as UTC; hours may lack. Three weeks
    are needed before a weekly cycle can be told from a change, three days for a daily one.
    """
    index = pd.DatetimeIndex(series.index)
    index = index.tz_localize(UTC) if index.tz is None else index.tz_convert(UTC)
    hours = pd.Series(series.to_numpy(dtype=float, na_value=np.nan), index=index.floor("h"))
    hours = hours.groupby(level=0).mean().dropna().asfreq("h")
    if hours.empty:
        return None
    first = pd.Timestamp(hours.index[0])
    hour_of_week = first.hour + _DAY * first.weekday()
    found = change_points(np.asarray(hours, dtype=np.float64), first_hour=hour_of_week)
    return pd.Timestamp(hours.index[found[-1]]).to_pydatetime() if found else None


def change_points(values: npt.NDArray[np.float64], *, first_hour: int = 0) -> list[int]:
    """The places of the first values after each change, in order, of hourly values (NaN: none).

    `first_hour` is the hour of the week of the first value, 0 for the first of a Monday.
    """
    there = np.flatnonzero(np.isfinite(values))
    if there.size < 2 * FEWEST_POINTS:
        return []
    values = np.where(np.isfinite(values), values, np.nan)
    plain = _without_cycles(values, first_hour)[there]
    cuts = _cuts(plain)
    if cuts:
        # a shift left a trace in the cycle: taken again about the levels, which are known by now
        levels = np.full(values.size, np.nan)
        levels[there] = np.concatenate([np.full(s.size, s.mean()) for s in np.split(plain, cuts)])
        cuts = _cuts(_without_cycles(values, first_hour, levels)[there]) or cuts
    return [int(there[cut]) for cut in cuts]


def _cuts(values: Floats) -> list[int]:
    """The optimal cuts; deterministic, as nothing is sampled."""
    import ruptures  # and with it scipy.stats, which takes longer to import than a cycle to compute

    scores = ndtri((pd.Series(values).rank().to_numpy() - 0.5) / values.size)
    variance = long_run_variance(scores)
    if variance == 0:
        return []
    finder = ruptures.KernelCPD(kernel="linear", min_size=FEWEST_POINTS)
    scaled = (scores / np.sqrt(variance))[:, None]
    return list(finder.fit_predict(scaled, pen=PENALTY * log(values.size))[:-1])


def long_run_variance(values: Floats) -> float:
    """Variance of a mean of many values, times their number, as of an AR(1) that shifts seldom."""
    one = float(np.mean(np.diff(values) ** 2))
    two = float(np.mean((values[2:] - values[:-2]) ** 2))
    if one == 0:
        return 0.0
    # squares are 2 v (1 - r) and 2 v (1 - r * r), so that their ratio is 1 + r
    r = min(max(two / one - 1, 0.0), _MOST_CORRELATED)
    return one / 2 / (1 - r) * (1 + r) / (1 - r)


def _without_cycles(values: Floats, first_hour: int, levels: Floats | None = None) -> Floats:
    """Less the daily and weekly cycle, about `levels` or else the mean of the period around.

    A shift moves that mean as it moves the values, so it is hardly taken for a part of the cycle.
    """
    for period, width in ((_DAY, 1), (_WEEK, _DAY)):
        if values.size >= _CYCLES * period:
            around = _mean_around(values, period) if levels is None else levels
            slot = (np.arange(values.size) + first_hour) % period // width
            values = values - _profile(values - around, slot)[slot]
    return values


def _profile(off: Floats, slot: npt.NDArray[np.intp]) -> Floats:
    """The median of `off` (NaN: none) in each slot, 0 where there is none, and 0 on average."""
    there = np.isfinite(off)
    medians = np.zeros(slot.max() + 1)
    for each in np.unique(slot[there]):
        medians[each] = np.median(off[there & (slot == each)])
    return np.asarray(medians - medians.mean())


def _mean_around(values: Floats, period: int) -> Floats:
    """The mean of the period about each value, half of each of its ends; NaN near the ends."""
    weights = np.r_[0.5, np.ones(period - 1), 0.5]
    there = np.isfinite(values)
    total = np.convolve(np.where(there, values, 0.0), weights, "valid")
    count = np.convolve(there, weights, "valid")
    around = np.full(values.size, np.nan)
    half = period // 2
    # where half of the period has no value its mean would be that of the other half
    mean = total / np.maximum(count, 0.5)
    around[half : values.size - half] = np.where(count > period / 2, mean, np.nan)
    return around
