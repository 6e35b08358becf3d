"""How a pattern stands: new, ongoing, escalating, regressed or resolved.

It is read off the hours in which flow runs failed with it, each run counted in its first such hour,
by the first rule below that holds:

    resolved     quiet for 24 hours or more, and a quiet as long has a chance below 1 % at the
                 rate of the 7 days before it; or quiet for 30 days
    new          first seen within the last 24 hours
    regressed    seen again within the last 7 days, after it was resolved
    escalating   its rate in the last 24 hours is above that of the 7 days before, at 1 %
    ongoing      anything else

Two Poisson rates are compared by their conditional test (Przyborowski & Wilenski, Biometrika
31:313, 1940): given n events in both spans together, those in one are binomial with that span's
share of the time. The chance of a quiet is the same test with no event in the second span. Flow
runs that fail together are taken to be independent here; a state is shown to people, and proves
nothing. What a proposal rests on is the evidence gate.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from scipy.special import bdtrc

__all__ = ["HISTORY", "State", "standing"]

State = Literal["new", "ongoing", "escalating", "regressed", "resolved"]

HISTORY = timedelta(days=60)  # what hours are needed for
HOUR = timedelta(hours=1)
DAY, WEEK, MONTH = 24, 7 * 24, 30 * 24  # hours
LEVEL = 0.01


def standing(first_seen: datetime, hourly: Mapping[datetime, int], now: datetime) -> State:
    """`hourly` counts failing flow runs by the beginning of the hour, hours without any left out.

    Hours are counted back from `now`, so that the last 24 hours are a whole day at any minute.
    """
    ages = sorted(
        ((now - hour) / HOUR, count) for hour, count in hourly.items() if count and hour <= now
    )
    age = (now - first_seen) / HOUR
    if not ages:
        return "new" if age < DAY else "resolved"
    if _is_resolved(ages, age):
        return "resolved"
    if age < DAY:
        return "new"
    if _returned(ages, age):
        return "regressed"
    return "escalating" if _escalates(ages, age) else "ongoing"


def _is_resolved(ages: Sequence[tuple[float, int]], first: float) -> bool:
    """Whether the quiet since the newest of these is long enough, `ages` being hours ago."""
    quiet = ages[0][0]
    if quiet < DAY:
        return False
    # its own first hours are no shorter than a day: a burst does not make a rate
    span = min(WEEK, max(DAY, first - quiet))
    events = sum(count for ago, count in ages if ago <= quiet + span)
    return bool(quiet >= MONTH or (span / (span + quiet)) ** events < LEVEL)


def _returned(ages: Sequence[tuple[float, int]], first: float) -> bool:
    """Whether one of the last week's hours came after a quiet in which it was resolved."""
    for place, (ago, _) in enumerate(ages[:-1]):
        if ago > WEEK:
            return False
        if ages[place + 1][0] - ago < DAY:
            continue
        earlier = [(age - ago, count) for age, count in ages[place + 1 :]]
        if _is_resolved(earlier, first - ago):
            return True
    return False


def _escalates(ages: Sequence[tuple[float, int]], first: float) -> bool:
    last = sum(count for ago, count in ages if ago < DAY)
    before = sum(count for ago, count in ages if DAY <= ago < DAY + WEEK)
    span = min(WEEK, max(1.0, first - DAY))
    return bool(bdtrc(last - 1, last + before, DAY / (DAY + span)) < LEVEL)
