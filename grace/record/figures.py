"""Shares and averages over a few changes, each with its n and its 95 % interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grace.analysis.rates import Interval, clopper_pearson, mean_interval

__all__ = ["Average", "Share", "average", "share"]


@dataclass(frozen=True)
class Share:
    """`hits` of `n`; value and interval are None where n is 0: nothing of nothing is no 0 %."""

    hits: int
    n: int
    value: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Average:
    """The interval is None below two values, and where they do not differ."""

    value: float | None
    interval: Interval | None
    n: int


def share(hits: int, n: int) -> Share:
    """With the exact interval (Clopper & Pearson, Biometrika 26:4, 1934): it holds for small n."""
    if n == 0:
        return Share(0, 0, None, None)
    return Share(hits, n, hits / n, clopper_pearson(hits / n, n))


def average(values: Sequence[float], least: float = -math.inf) -> Average:
    """With Student's interval over the values, cut off at the least that a value can be."""
    if not values:
        return Average(None, None, 0)
    each = np.asarray(values, np.float64)
    interval = mean_interval(each, np.ones(each.size), "plain")
    cut = interval and (max(least, interval[0]), interval[1])
    return Average(float(each.mean()), cut, each.size)
