"""How many places were taken while runs waited, and how many a worker has that says no number.

Arrays hold one number a run, all in one order; times are seconds since any common moment.
"""

import numpy as np

from grace.opportunities.queueing import Floats, met_limit

__all__ = ["mean_taken", "union_seconds", "worker_places"]


def mean_taken(queued: Floats, started: Floats, begins: Floats, ends: Floats) -> Floats:
    """Mean number of places taken between `queued` and `started`, NaN for who did not wait.

    A place is taken from `begins` to `ends`; these may be of other runs than those that wait.
    """
    waited = started - queued
    taken = _area(started, begins, ends) - _area(queued, begins, ends)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(waited > 0, taken / waited, np.nan)


def _area(times: Floats, begins: Floats, ends: Floats) -> Floats:
    """Place-seconds used until each time."""
    return _passed(times, np.sort(begins)) - _passed(times, np.sort(ends))


def _passed(times: Floats, moments: Floats) -> Floats:
    """Sum of the times that have passed since each of the sorted moments."""
    before = np.searchsorted(moments, times, side="right")
    sums = np.concatenate([[0.0], np.cumsum(moments)])
    return np.asarray(before * times - sums[before], dtype=np.float64)


def union_seconds(begins: Floats, ends: Floats) -> float:
    """The time that is covered by at least one of the intervals."""
    if not begins.size:
        return 0.0
    order = np.argsort(begins, kind="stable")
    first, last = begins[order], np.maximum.accumulate(ends[order])
    reached = np.concatenate([[first[0]], last[:-1]])
    return float(np.maximum(0.0, last - np.maximum(first, reached)).sum())


def worker_places(queued: Floats, started: Floats, ends: Floats) -> tuple[int, "np.ndarray"]:
    """The most runs that a worker ever had at work at once, and who found as many before them.

    A worker that has as many places as it is asked for is never found full so: then the last of
    those that came together is the highest number itself.
    """
    begun = np.searchsorted(np.sort(started), started, side="right")
    gone = np.searchsorted(np.sort(ends), started, side="right")
    most = int((begun - gone).max()) if started.size else 0
    most = max(most, 1)
    return most, met_limit(queued, started, ends, np.full(queued.size, most, dtype=np.int64))
