"""How long the runs of a deployment would take, were more of their tasks at work at once.

The queue of a tag limit is played again (`queueing.replay`) with other numbers of places. For each
flow run the span of its governed task runs, from the first queued to the last ended, is taken to
shrink as it does there; the rest of its execution is taken to stay as it was.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache

import numpy as np
import pandas as pd

from grace.opportunities.choosing import Choice, Forecast, Refusal, allowed, pressure_of
from grace.opportunities.queueing import replay
from grace.opportunities.waits import governed_runs, seconds_since_epoch

__all__ = ["choose_parallelism"]

HOW = (
    "The arrivals and slot times of {runs} task runs, played again first come, first served with "
    "{limit} places instead of {now}; what else the flow runs do is taken to last as long as it "
    "did. Tasks that share something else may become slower beside more others."
)


def choose_parallelism(
    frame: pd.DataFrame,
    key: str,
    flow_runs: Sequence[str],
    execution: float,
    target: float,
    refusal: Refusal = lambda _: None,
    *,
    now: datetime | None = None,
    since: datetime | None = None,
) -> Choice:
    """The smallest value of a tag limit predicted to reach the target, at most four times itself.

    `flow_runs` are ids of those whose mean `execution` is to fall, in seconds. If no value reaches
    the target, the smallest that does as well as the largest; the present one where none helps.
    Raises BadInput where no run under the limit is in the frame.
    """
    pressure = pressure_of(frame, key, now, since)
    runs = governed_runs(frame, now)
    runs = runs[(runs["key"] == key) & (runs["limit"] == pressure.limit)]
    saved = _saved(runs, frozenset(flow_runs), pressure.limit)

    def forecast(limit: int) -> Forecast:
        how = HOW.format(runs=len(runs), limit=limit, now=pressure.limit)
        return Forecast(pressure.limit, execution, limit, max(0.0, execution - saved(limit)), how)

    larger, refused = allowed(pressure.limit, refusal)
    here = forecast(pressure.limit)
    if not larger:
        return Choice(pressure.limit, here, f"the policy forbids any higher {key}: {refused}")
    most = saved(larger[-1])
    if most <= 0:
        return Choice(pressure.limit, here, f"no higher {key} would shorten what was seen")
    wanted = min(execution - target, most)
    best = larger[bisect_left(larger, True, key=lambda limit: saved(limit) >= wanted)]
    reached = most >= execution - target
    reason = f"{best} is the smallest limit predicted to reach {target:g} s"
    if not reached:
        beyond = f", and the policy forbids more: {refused}" if refused else ""
        reason = f"no limit up to {larger[-1]} is predicted to reach {target:g} s{beyond}"
    return Choice(best, forecast(best), reason)


def _saved(runs: pd.DataFrame, mine: frozenset[str], limit: int) -> Callable[[int], float]:
    """Mean seconds a flow run that its governed span loses, a function of the limit."""
    queued, held = seconds_since_epoch(runs["queued"]), runs["held"].to_numpy()
    ended = seconds_since_epoch(runs["completed"])
    unit = runs["unit"].where(runs["unit"].isin(mine))

    def spans(ends: "np.ndarray") -> "pd.Series[float]":
        times = pd.DataFrame({"unit": unit, "begin": queued, "end": ends}).groupby("unit")
        return times["end"].max() - times["begin"].min()

    seen, modelled = spans(ended), spans(queued + replay(queued, held, limit) + held)

    @cache
    def saved(places: int) -> float:
        played = spans(queued + replay(queued, held, places) + held)
        lost = (seen * (1 - played / modelled.where(modelled > 0))).fillna(0.0).clip(lower=0.0)
        return float(lost.sum()) / len(mine)

    return saved
