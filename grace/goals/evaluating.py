"""One goal on one day: how it stands, how it will end, and how surely that is told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from math import sqrt

import numpy as np
from scipy.special import ndtr

from grace.forecasting import Forecast, Origin, forecast
from grace.goals.goal import Goal, Life
from grace.goals.history import WINDOW_DAYS, Seen
from grace.goals.shifts import Regime, noise_of, regime_of
from grace.goals.standing import (
    Held,
    Outlook,
    Sight,
    Status,
    by_chance,
    by_gap,
    by_pace,
    chance_at,
    settle,
)

__all__ = ["Before", "Blocker", "Evaluated", "evaluate"]

NORMAL = 1.96  # half of a 95 % interval in standard errors
BACK = timedelta(days=28)  # before a goal was made: its level is known from there
EARLY = 0.2  # of its time: before it no goal that is to be reached is off its track


@dataclass(frozen=True)
class Blocker:
    """A goal that must be met first; `p_met` is 0 for one that was missed."""

    goal: Goal
    p_met: float | None


@dataclass(frozen=True)
class Before:
    """What earlier days left: what was told, and the forecasts that can be judged by now."""

    held: Held | None = None
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Evaluated:
    """`goal` has its progress, and its baseline once one is known; `ends` says how it closes.

    `due` is where an even pace would have brought it by now, told while there is no forecast.
    `p_own` is the chance without regard to what blocks it, `p_met` at most that of each blocker.
    `shift` is the level that a shift brought less than 7 days ago, `shifted_on` its first day.
    """

    goal: Goal
    seen: Seen
    day: date
    status: Status
    confidence: float | None
    held: Held | None
    ahead: Forecast | None
    p_own: float | None
    p_met: float | None
    blockers: tuple[Blocker, ...]
    due: float | None = None
    ends: Life | None = None
    shift: Regime | None = None
    shifted_on: date | None = None


def evaluate(
    goal: Goal, seen: Seen, now: datetime, before: Before, blockers: Sequence[Blocker] = ()
) -> Evaluated:
    """Pure: of the same log, the same day and the same past it says the same."""
    day, enough = now.date(), seen.is_enough
    if seen.value is not None and enough:
        goal = _measured(goal, seen.value)
    ahead = _ahead(goal, seen, before)
    p_own = ahead.p_beyond(goal.target, goal.direction) if ahead else None
    p_met = _capped(p_own, blockers)
    found = Evaluated(
        goal,
        seen,
        day,
        "insufficient_data",
        _confidence(goal, seen) if enough else None,
        before.held,
        ahead,
        p_own,
        p_met,
        tuple(blockers),
    )
    if now >= goal.deadline:
        return _ended(found, enough)
    # of one day the same is said at any hour
    morning = datetime.combine(day, time.min, now.tzinfo)
    return _standing(found, morning, before.held) if enough else found


def _measured(goal: Goal, value: float) -> Goal:
    based = goal if goal.baseline is not None else replace(goal, baseline=value)
    return replace(based, progress=based.progressed(value))


def _ahead(goal: Goal, seen: Seen, before: Before) -> Forecast | None:
    if seen.daily.empty:
        return None
    horizon = (goal.deadline.date() - seen.daily.index[-1].date()).days
    bounds = (0.0, 1.0) if seen.metric.unit == "share" else (-np.inf, np.inf)
    return forecast(seen.daily, max(1, horizon), origins=before.origins, bounds=bounds)


def _capped(chance: float | None, blockers: Sequence[Blocker]) -> float | None:
    if chance is None:
        return None
    return min([chance, *(each.p_met for each in blockers if each.p_met is not None)])


def _confidence(goal: Goal, seen: Seen) -> float | None:
    """How surely the value is on the side of the target on which it was seen."""
    if seen.metric.counted or seen.value is None:
        return 1.0
    if seen.interval is None:
        return None
    toward = seen.interval[1] if goal.target > seen.value else seen.interval[0]
    error = abs(toward - seen.value) / NORMAL
    return round(float(ndtr(abs(seen.value - goal.target) / error)), 4) if error else 1.0


def _ended(found: Evaluated, enough: bool) -> Evaluated:
    """At its deadline the value decides; no data is never success."""
    goal, value = found.goal, found.seen.value
    met = enough and value is not None and goal.reached(value)
    status: Status = "met" if met else ("off_track" if enough else "insufficient_data")
    return replace(found, status=status, ends="met" if met else "missed")


def _standing(found: Evaluated, now: datetime, held: Held | None) -> Evaluated:
    goal, seen = found.goal, found.seen
    days = seen.daily[seen.daily.index >= goal.created_at - BACK]
    values = days.tolist()
    noise = _noise(values, seen)
    regime = None
    if noise is not None and not seen.metric.grows:
        regime = regime_of(values, noise, seen.metric.smallest_shift(goal.target))
    since = days.index[regime.start].date() if regime is not None else None
    if not goal.keeps and _surely_reached(goal, seen, regime):
        return replace(found, status="met", ends="met", held=None)
    sight = _sight(found, now, (regime, noise), since)
    left = (goal.deadline - now) / timedelta(days=1)
    if seen.metric.grows or (noise is None and seen.metric.counted):
        same = held is not None and held.outlook == sight.outlook
        told = held if same and held is not None else Held(sight.outlook, found.day)
    else:
        told = settle(sight, held, found.day, left, goal.sign)
    new = regime if regime is not None and regime.shifted and regime.n <= WINDOW_DAYS else None
    return replace(
        found,
        status=told.outlook,
        held=told,
        due=None if found.ahead or goal.keeps else _due(goal, now),
        shift=new,
        shifted_on=since if new else None,
    )


def _due(goal: Goal, now: datetime) -> float | None:
    if goal.baseline is None:
        return None
    return goal.baseline + (goal.target - goal.baseline) * goal.share_of_time(now)


def _noise(values: Sequence[float], seen: Seen) -> float | None:
    """Of one day's value: from the days themselves, else from the interval over seven of them."""
    noise = noise_of(values)
    if noise is None and seen.interval is not None:
        return (seen.interval[1] - seen.interval[0]) / (2 * NORMAL) * sqrt(WINDOW_DAYS)
    return noise


def _surely_reached(goal: Goal, seen: Seen, regime: Regime | None) -> bool:
    """What is counted is sure; of the rest, the whole interval must be beyond the target."""
    if seen.value is None or (regime is not None and not goal.reached(regime.level)):
        return False
    if seen.metric.counted:
        return goal.reached(seen.value)
    return seen.interval is not None and all(map(goal.reached, seen.interval))


def _sight(
    found: Evaluated, now: datetime, level: tuple[Regime | None, float | None], since: date | None
) -> Sight:
    goal, (regime, noise) = found.goal, level
    held = found.held.outlook if found.held else None
    after = None
    if found.p_met is not None:
        seen = by_chance(found.p_met, held)
        if not goal.keeps and seen == "off_track" and goal.share_of_time(now) < EARLY:
            seen = "at_risk"
        if regime is not None and noise is not None:
            chance = chance_at(regime, noise, goal.target, goal.sign)
            after = by_chance(_capped(chance, found.blockers) or 0.0, held)
    else:
        seen = _without_chance(found, found.seen.value, now)
        after = None if regime is None else _without_chance(found, regime.level, now)
    return Sight(seen, regime, since, after)


def _without_chance(found: Evaluated, value: float | None, now: datetime) -> Outlook:
    goal, smallest = found.goal, found.seen.metric.smallest_shift(found.goal.target)
    due = _due(goal, now)
    if value is None or goal.baseline is None or due is None or goal.keeps:
        gap = 0.0 if value is None else goal.sign * (goal.target - value)
        return by_gap(gap, smallest)
    done = goal.sign * (value - goal.baseline)
    return by_pace(done, goal.sign * (due - goal.baseline), smallest)
