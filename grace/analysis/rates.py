"""Rates and means of units that hang together, each with its n and a 95 % interval.

Attempts of one flow run fail together, so the unit is the flow run (or the hour), and every
variance is that of a ratio estimator over units, by the delete-one-unit jackknife, which holds up
where units differ in size (Bell & McCaffrey, Survey Methodology 28:2, 2002). A unit's estimate
tells nothing of its own spread: below two units there is no interval.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, fsum, inf, isfinite, log, sqrt
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from scipy.special import betaincinv, expit, logit, ndtri, stdtrit

__all__ = [
    "Floats",
    "Interval",
    "Mean",
    "Rate",
    "Record",
    "Scale",
    "clopper_pearson",
    "difference",
    "effective_units",
    "mean_interval",
    "rate_interval",
]

Floats: TypeAlias = npt.NDArray[np.float64]
Interval: TypeAlias = tuple[float, float]
Scale: TypeAlias = Literal["plain", "log", "logit"]

LEVEL = 0.95


class Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Rate(Record):
    """`hits` of `n`. `open` are not decided yet, `neither` never will be; both are outside n."""

    value: float | None
    interval: Interval | None
    n: int
    hits: int
    units: int
    open: int = 0
    neither: int = 0


class Mean(Record):
    """`unusable` values (not finite, out of range) are outside n."""

    value: float | None
    interval: Interval | None
    n: int
    units: int
    unusable: int = 0


def effective_units(counts: Floats) -> float:
    """How many units of equal size say as much as these, where a unit's members are all alike.

    Kish, Survey Sampling, 1965: (sum of n)^2 / sum of n^2.
    """
    return float(counts.sum() ** 2 / (counts**2).sum()) if counts.size else 0.0


def rate_interval(sums: Floats, counts: Floats, level: float = LEVEL) -> Interval | None:
    """Of a rate: `sums` hits of `counts` in each unit; None below two units.

    Clopper and Pearson's limits at the effective sample size, corrected for its degrees of
    freedom (Korn & Graubard, Survey Methodology 24:2, 1998). Those are at most one more than the
    number of units in which the rarer outcome was seen: few of them hardly tell how much units
    differ. Where all outcomes are alike nothing is estimated, and each unit counts once.
    """
    if counts.size < 2:
        return None
    rate = fsum(sums) / float(counts.sum())
    rarer = min(int(np.count_nonzero(sums)), int(np.count_nonzero(sums < counts)))
    freedom = effective_units(counts) - 1
    size = _effective_size(rate, _variance(sums, counts), counts)
    if rarer:
        freedom = min(freedom, 1.0 + float(rarer))
    normal, student = ndtri((1 + level) / 2), stdtrit(freedom, (1 + level) / 2)
    return clopper_pearson(rate, size * float(normal / student) ** 2, level)


def mean_interval(
    sums: Floats, counts: Floats, scale: Scale, level: float = LEVEL
) -> Interval | None:
    """Of a mean: the sum of the values and their number (or exposure) in each unit.

    Student's t over units, on the scale given: log for what is positive, logit for what lies
    within 0 and 1. None below two units, where one outweighs all others, and where the units do
    not differ.
    """
    if effective_units(counts) < 1.5:
        return None
    using, mean = _SCALES[scale], fsum(sums) / float(counts.sum())
    error = sqrt(_variance(sums, counts))
    # what is left of equal units is rounding
    if (
        error <= 1e-12 * float(np.abs(sums / counts).max())
        or not using.ends[0] < mean < using.ends[1]
    ):
        return None
    reach = stdtrit(effective_units(counts) - 1, (1 + level) / 2) * using.slope(mean) * error
    low, high = (float(using.back(using.there(mean) + way * reach)) for way in (-1, 1))
    return (low, high) if isfinite(low) and isfinite(high) else None


def difference(
    new: float, new_interval: Interval, old: float, old_interval: Interval
) -> tuple[float, Interval]:
    """Of two independent figures, from the interval of each (Newcombe's method 10 for rates).

    Zou & Donner, Statistics in Medicine 27:10, 2008.
    """
    found = new - old
    below = sqrt((new - new_interval[0]) ** 2 + (old_interval[1] - old) ** 2)
    above = sqrt((new_interval[1] - new) ** 2 + (old - old_interval[0]) ** 2)
    return found, (found - below, found + above)


def _variance(sums: Floats, counts: Floats) -> float:
    """Of sum(sums) / sum(counts), by leaving out one unit at a time."""
    n, units = counts.sum(), counts.size
    left_out = (sums - fsum(sums) / n * counts) / (n - counts)
    return float((units - 1) / units * (left_out**2).sum())


def _effective_size(rate: float, variance: float, counts: Floats) -> float:
    """Independent attempts that would tell as much; never more than there were."""
    if rate in (0.0, 1.0):
        return effective_units(counts)
    n = float(counts.sum())
    return min(n, rate * (1 - rate) / variance) if variance else n


def clopper_pearson(rate: float, size: float, level: float = LEVEL) -> Interval:
    """Of independent attempts; the size may be an effective one, and a part of an attempt."""
    hits, misses, tail = rate * size, (1 - rate) * size, (1 - level) / 2
    low = float(betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return low, high


@dataclass(frozen=True)
class _Scale:
    """A transformation, its inverse and its slope; what it can take lies between the two ends."""

    there: Callable[[float], float]
    back: Callable[[float], float]
    slope: Callable[[float], float]
    ends: tuple[float, float] = (-inf, inf)


_SCALES: dict[Scale, _Scale] = {
    "plain": _Scale(lambda mean: mean, lambda place: place, lambda _: 1.0),
    "log": _Scale(log, lambda place: exp(min(place, 700.0)), lambda mean: 1 / mean, (0, inf)),
    "logit": _Scale(logit, expit, lambda mean: 1 / (mean * (1 - mean)), (0, 1)),
}
