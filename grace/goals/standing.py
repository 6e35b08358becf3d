"""How a goal stands: on track, at risk or off track, so that noise does not flip it.

Once told, a status is left for one of two reasons only. Either the level of the daily values has
surely shifted (`shifts`): then at once, in the way of the shift, by the chance that the new level
gives. Or the outlook has said otherwise for 21 days on end, half of the days that are left where
those are fewer, and 3 at least: time alone can bring a goal off its track. The chances at which an
outlook is left lie apart from those at which it is entered.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Literal, TypeAlias

from scipy.special import ndtr

from grace.goals.shifts import SETTLED, Regime

__all__ = [
    "Held",
    "Outlook",
    "Sight",
    "Status",
    "by_chance",
    "by_gap",
    "by_pace",
    "chance_at",
    "settle",
]

Outlook: TypeAlias = Literal["on_track", "at_risk", "off_track"]
Status: TypeAlias = Literal["met", "on_track", "at_risk", "off_track", "insufficient_data"]

RANK: dict[Outlook, int] = {"off_track": 0, "at_risk": 1, "on_track": 2}
OUTLOOKS: tuple[Outlook, ...] = ("off_track", "at_risk", "on_track")
# the chance of at_risk or better, and of on_track: first, to rise to it, to fall from it
FIRST, RISING, FALLING = (0.2, 0.5), (0.3, 0.6), (0.1, 0.4)
PACE = (0.5, 0.9)  # of the way that should be behind by now
PATIENCE_DAYS, LEAST_PATIENCE_DAYS = 21, 3


@dataclass(frozen=True)
class Held:
    """The outlook told, since when, and since when another one is seen instead.

    `regime` is the first day of the level that the outlook was told by.
    """

    outlook: Outlook
    since: date
    regime: date | None = None
    other: Outlook | None = None
    other_since: date | None = None


@dataclass(frozen=True)
class Sight:
    """What is seen on one day: the outlook, and a shift with the outlook that its level gives."""

    outlook: Outlook
    regime: Regime | None = None
    regime_day: date | None = None
    after_shift: Outlook | None = None


def by_chance(chance: float, held: Outlook | None) -> Outlook:
    """The outlook that a chance of being met gives, seen from the one that was told."""
    rank = 0
    for step, first in enumerate(FIRST, 1):
        least = first if held is None else (FALLING if RANK[held] >= step else RISING)[step - 1]
        rank += chance >= least
    return OUTLOOKS[rank]


def by_pace(done: float, due: float, slack: float) -> Outlook:
    """Without a chance: how much of the way is behind, and how much should be.

    All three are in the metric's unit, better being more; `slack` is too little to be told.
    """
    if due - done <= slack / 2:
        return "on_track"
    return OUTLOOKS[sum(done >= share * due for share in PACE)]


def by_gap(gap: float, smallest: float) -> Outlook:
    """Without a chance, of what is to stay within its target: how far it is beyond."""
    return OUTLOOKS[(gap <= smallest) + (gap <= smallest / 2)]


def chance_at(regime: Regime, noise: float, target: float, sign: int) -> float:
    """That a day's value is at the target, if the level stays as it is since the shift."""
    spread = max(noise, 1e-12) * sqrt(1 + 1 / regime.n)
    return float(ndtr(sign * (regime.level - target) / spread))


def settle(seen: Sight, held: Held | None, day: date, days_left: float, sign: int) -> Held:
    """The outlook to tell on a day, from what was told before."""
    if held is None:
        return Held(seen.outlook, day, seen.regime_day)
    if (moved := _shifted(seen, held, sign)) is not None:
        return Held(moved, day, seen.regime_day)
    if seen.outlook == held.outlook:
        return Held(held.outlook, held.since, held.regime)
    other_since = held.other_since if held.other == seen.outlook and held.other_since else day
    patience = min(PATIENCE_DAYS, max(LEAST_PATIENCE_DAYS, days_left / 2))
    if day - other_since >= timedelta(days=patience):
        return Held(seen.outlook, day, seen.regime_day)
    return Held(held.outlook, held.since, held.regime, seen.outlook, other_since)


def _shifted(seen: Sight, held: Held, sign: int) -> Outlook | None:
    """Where a shift since brings it, while the level is new; only the way it went."""
    regime, day = seen.regime, seen.regime_day
    if regime is None or day is None or seen.after_shift is None or not regime.shifted:
        return None
    is_new = regime.n <= SETTLED and (held.regime is None or day > held.regime)
    better = RANK[seen.after_shift] - RANK[held.outlook]
    return seen.after_shift if is_new and better * regime.shifted * sign > 0 else None
