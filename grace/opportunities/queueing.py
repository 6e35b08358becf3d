"""A limit as a queue: who found it full, and how long the same work would wait under another one.

Arrays hold one number a run, all in one order; times are seconds since any common moment.
"""

import heapq
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "met_limit", "replay"]

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.int64]

# a slot is given back, and taken by the next, a little after a run ends and before one is Running
HANDOVER_SECONDS = 0.1


def met_limit(queued: Floats, started: Floats, ended: Floats, limits: Ints) -> Bools:
    """Which runs found as many before them, running or queued, as their limit lets run.

    None did under a limit that was never reached by the runs at work at once: then something else
    holds them up, such as the threads of their flow run.
    """
    order = np.lexsort((started, queued))
    before = np.empty(queued.size, dtype=np.int64)
    before[order] = np.arange(queued.size)
    found = before - np.searchsorted(np.sort(ended), queued, side="left")
    at_work = _at_work(started, ended)
    met = found >= limits
    for limit in np.unique(limits):
        under = limits == limit
        met[under] &= at_work[under].max() >= limit
    return np.asarray(met, dtype=np.bool_)


def _at_work(started: Floats, ended: Floats) -> Ints:
    """How many runs, each itself included, hold a slot when it starts."""
    begun = np.searchsorted(np.sort(started), started, side="right")
    gone = np.searchsorted(np.sort(ended + HANDOVER_SECONDS), started, side="left")
    return np.asarray(begun - gone, dtype=np.int64)


def replay(queued: Floats, execution: Floats, slots: int) -> Floats:
    """How long each run would wait if the first queued were the first served, `slots` at a time.

    Arrivals and execution times are taken as they were (the recursion of Kiefer & Wolfowitz, "On
    the theory of queues with many servers", Trans. AMS 78:1, 1955). No wait grows with the slots.
    """
    if slots < 1:
        raise ValueError("a queue without slots never ends")
    waits = np.zeros(queued.size, dtype=np.float64)
    free_at: list[float] = []
    for run in np.argsort(queued, kind="stable"):
        arrival = float(queued[run])
        free = heapq.heappop(free_at) if len(free_at) == slots else arrival
        start = max(arrival, free)
        waits[run] = start - arrival
        heapq.heappush(free_at, start + float(execution[run]))
    return waits
