"""Durations: mean and quantiles of seconds, each with an interval.

A quantile's limits are order statistics (Woodruff, JASA 47:260, 1952) at Kish's effective sample
size, as if the values within a unit were all alike: rather too wide than too narrow.
"""

from math import ceil

import numpy as np
from scipy.special import bdtr, bdtrik

from grace.analysis.rates import Mean, Record, effective_units
from grace.analysis.sketch import ERROR
from grace.analysis.tally import Tally

__all__ = ["Duration", "Quantile", "duration", "quantile"]


class Quantile(Record):
    """Seconds; an upper limit of null: so few units can give none."""

    value: float | None
    interval: tuple[float, float | None] | None


class Duration(Record):
    """Seconds. All four figures are of the same n values in so many units."""

    mean: Mean
    p50: Quantile
    p95: Quantile
    p99: Quantile


def duration(tally: Tally) -> Duration:
    p50, p95, p99 = (quantile(tally, share) for share in (0.5, 0.95, 0.99))
    return Duration(mean=tally.mean("log"), p50=p50, p95=p95, p99=p99)


def quantile(tally: Tally, share: float) -> Quantile:
    """One share of a sketched tally; nothing of one that holds no value."""
    sketch = tally.sketch
    if sketch is None:
        return Quantile(value=None, interval=None)
    value = sketch.quantile(share)
    size = int(effective_units(tally.counts.astype(np.float64)) + 1e-9)
    if size < 2:
        return Quantile(value=value, interval=None)
    first, last = (_binomial_quantile(tail, size, share) for tail in (0.025, 0.975))
    low = sketch.quantile((first - 1) / (size - 1)) * (1 - ERROR) if first else 0.0
    high = sketch.quantile(last / (size - 1)) * (1 + ERROR) if last < size else None
    # of very few units the limits may pass the value, which is a lower quantile
    high = None if high is None else max(high, value)
    return Quantile(value=value, interval=(min(low, value), high))


def _binomial_quantile(tail: float, size: int, share: float) -> int:
    """The least count of `size` trials that is reached or stayed below with a chance of `tail`."""
    count = ceil(float(bdtrik(tail, size, share)))
    below = count > 0 and float(bdtr(count - 1, size, share)) >= tail
    return count - 1 if below else count
