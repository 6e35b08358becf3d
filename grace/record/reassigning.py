"""Arms judged where nothing was changed: the same runs, assigned anew by fresh hashes (A/A).

Each assignment is one draw of the experiment's own hash under an id of its own, over runs that no
arm touched: Fisher's randomisation test ("The design of experiments", 1935) of the whole chain from
logged runs to a verdict, with the plan's looks, guardrails and sample-ratio check. The runs are the
same in every draw, so what is counted is how often the *assignment* makes a difference of none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np

from grace.assignment import assign
from grace.measurement.arms import PATIENCE, judged, trip_of
from grace.measurement.blocks import Unit
from grace.measurement.plan import Plan
from grace.states import Verdict
from grace.statistics.arms import Sums
from grace.statistics.betting import Floats
from grace.statistics.ratio_check import mismatch

__all__ = ["Look", "Timeline", "reassigned", "timeline"]

Indices: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.intp]]"


@dataclass(frozen=True)
class Look:
    """Who counts: the first `upto` of the units but for those `lost`, by their numbers."""

    upto: int
    lost: Indices


@dataclass(frozen=True)
class Timeline:
    """The units of a stretch as they queued, and who of them counts at each look of a plan."""

    units: tuple[Unit, ...]
    looks: tuple[Look, ...]

    def counted(self, look: Look) -> Indices:
        return np.setdiff1d(np.arange(look.upto), look.lost)


def timeline(plan: Plan, units: Sequence[Unit], begin: datetime, end: datetime) -> Timeline:
    """As an experiment that began then would have looked at them, to its end."""
    trial = plan.trial
    since = begin + timedelta(seconds=trial.settle_seconds)
    ours = sorted(
        (unit for unit in units if unit.id and since <= unit.queued < end),
        key=lambda unit: (unit.queued, unit.id or ""),
    )
    queued = np.array([unit.queued.timestamp() for unit in ours], np.float64)
    over = np.array([_end(unit) for unit in ours], np.float64)
    number = int((end - begin).total_seconds() // trial.look_seconds)
    at = begin.timestamp() + trial.look_seconds * np.arange(1, number + 1)
    return Timeline(tuple(ours), tuple(_look(queued, over, float(each)) for each in at))


def reassigned(plan: Plan, line: Timeline, name: str) -> Verdict | None:
    """The verdict of an experiment of this name over them; None where too few could be judged."""
    share = plan.trial.share
    treated = np.array(
        [assign(name, unit.id or "", share=share) == "after" for unit in line.units], bool
    )
    arms = (_Arm.of(line, ~treated), _Arm.of(line, treated))
    is_judged, last = False, None
    for look in line.looks:
        seen = judged(plan, *(arm.sums(look) for arm in arms))
        is_judged |= seen.interval is not None
        verdict: Verdict | None = seen.verdict
        if mismatch(arms[0].size(look), arms[1].size(look), share):
            verdict = "insufficient_data"
        if verdict:
            return "regressed" if _trips(plan, line, look, treated) else verdict
        last = look
    if last is not None and _trips(plan, line, last, treated):
        return "regressed"
    return "insufficient_data" if is_judged else None


@dataclass(frozen=True)
class _Arm:
    """Running totals over the units in their order, about `middle`: a look costs next to nothing.

    `units` are all of the arm, `known` those with a value; each with a 0 before the first.
    """

    middle: float
    units: Floats
    known: Floats
    values: Floats
    squares: Floats

    @classmethod
    def of(cls, line: Timeline, mine: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> "_Arm":
        values = np.array([unit.value for unit in line.units], np.float64)
        known = mine & ~np.isnan(values)
        middle = float(values[known].mean()) if known.any() else 0.0
        centred = np.where(known, values - middle, 0.0)
        return cls(middle, *map(_running, (mine, known, centred, centred**2)))

    def size(self, look: Look) -> int:
        return round(_total(self.units, look))

    def sums(self, look: Look) -> Sums:
        n = round(_total(self.known, look))
        if not n:
            return Sums(0, 0.0, 0.0)
        mean = _total(self.values, look) / n
        m2 = max(0.0, _total(self.squares, look) - n * mean**2)
        return Sums(n, self.middle + mean, m2)


def _running(each: "np.ndarray[tuple[int], np.dtype[Any]]") -> Floats:
    return np.concatenate(([0.0], np.cumsum(each, dtype=np.float64)))


def _total(running: Floats, look: Look) -> float:
    lost = running[look.lost + 1] - running[look.lost]
    return float(running[look.upto] - lost.sum())


def _look(queued: Floats, over: Floats, at: float) -> Look:
    """As `grace.measurement.arms.counted` has it."""
    come = int(np.searchsorted(queued, at))
    is_over = over[:come] <= at
    holds_up = ~is_over & (at - queued[:come] <= PATIENCE.total_seconds())
    upto = int(np.argmax(holds_up)) if holds_up.any() else come
    return Look(upto, np.flatnonzero(~is_over[:upto]))


def _end(unit: Unit) -> float:
    return math.inf if unit.completed is None else unit.completed.timestamp()


def _trips(
    plan: Plan,
    line: Timeline,
    look: Look,
    treated: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
) -> bool:
    """A guardrail that tripped stays so; at the first verdict it would have come before it."""
    units = [line.units[at] for at in line.counted(look).tolist() if treated[at]]
    return trip_of(plan.trial.guardrails, units) is not None
