"""Before/after: daily means before a change against those after it; weak evidence.

Nothing is drawn by chance here, so whatever else happened on that day is counted as the effect of
the change. What can be held is the error from chance alone. The looks are fixed in advance and
share the level evenly (Bonferroni). Days that resemble the one before tell less: the variance of
a mean of days is inflated by f = (1 + r) / (1 - r), where r is their lag-1 autocorrelation
(Bartlett, "Some aspects of the time-correlation problem in regard to tests of significance", JRSS
98:3, 1935), so that n days are worth n / f (Bayley & Hammersley, "The effective number of
independent observations in an autocorrelated time series", JRSS Suppl. 8:2, 1946). The estimate of
r from n days about their own mean is too low by (1 + 3 r) / n, which is put back (Kendall, "Note on
bias in the estimation of autocorrelation", Biometrika 41:3, 1954). The interval is Student's with
the variance of both sides together. Baseline and looks are whole weeks: weekdays weigh alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean
from typing import Literal, TypeAlias

from scipy.special import stdtrit

DayVerdict: TypeAlias = Literal["improved", "regressed", "no_effect", "insufficient_data"]
Days: TypeAlias = Sequence[float | None]

DAYS_BEFORE = 14
LOOKS = (7, 14)  # days after the change
FEWEST_SHARE = 0.7  # of the days of either side must have data
FEWEST_DAYS = math.ceil(FEWEST_SHARE * DAYS_BEFORE)
HIGHEST_AUTOCORRELATION = 0.9


@dataclass(frozen=True)
class DaysJudgement:
    """What the days say at the newest look that counts; `verdict` is None while undecided.

    `days_before` and `days_after` had data. `effect` is the mean of the days after less that of
    the days before; `interval` holds it at both looks together, and `autocorrelation` is that of
    successive days which it allows for. They are None before the first look and where there are
    too few days. The evidence is weak by design, always.
    """

    verdict: DayVerdict | None
    days_before: int
    days_after: int
    effect: float | None = None
    interval: tuple[float, float] | None = None
    autocorrelation: float | None = None
    evidence: Literal["weak"] = "weak"


def judge_days(
    before: Days,
    after: Days,
    *,
    better: Literal["lower", "higher"],
    smallest_effect: float,
    level: float = 0.10,
) -> DaysJudgement:
    """Judge daily means, None for a day without data: 14 before, and all whole days after.

    The days before must be clean: none of their data raised the proposal. Only the looks at day 7
    and 14 count, and the first with a verdict ends it: improved or regressed when the interval
    excludes 0, no effect when it lies within +- `smallest_effect`. Without either the last look
    is insufficient data, and so is one where less than 70 % of the days of a side have any.
    Raises ValueError for other than 14 days before, values not finite and limits out of range.
    """
    if len(before) != DAYS_BEFORE or not (smallest_effect >= 0 and 0 < level < 1):
        raise ValueError(
            "14 days before, smallest_effect from 0 and level within 0 to 1 are needed"
        )
    if not all(value is None or math.isfinite(value) for value in (*before, *after)):
        raise ValueError("a day's value must be a finite number, or None for a day without data")
    judgement = DaysJudgement(None, len(_known(before)), len(_known(after)))
    for look in LOOKS:
        if look <= len(after) and judgement.verdict is None:
            judgement = _estimate(before, after[:look], level / len(LOOKS))
            verdict = _verdict(judgement.interval, better, smallest_effect)
            judgement = replace(judgement, verdict=verdict or _undecided(look))
    return judgement


def _undecided(look: int) -> Literal["insufficient_data"] | None:
    return "insufficient_data" if look == LOOKS[-1] else None


def _estimate(before: Days, after: Days, level: float) -> DaysJudgement:
    """The effect at one look and its interval at this level, without a verdict."""
    sides = (_known(before), _known(after))
    counts = (len(sides[0]), len(sides[1]))
    enough = all(
        len(known) >= FEWEST_SHARE * len(days)
        for known, days in zip(sides, (before, after), strict=True)
    )
    if not enough:
        return DaysJudgement(None, *counts)
    effect, days = fmean(sides[1]) - fmean(sides[0]), sum(counts)
    squares = sum(sum((value - fmean(side)) ** 2 for value in side) for side in sides)
    r = lag_one((before, after))
    inflation = (1 + r) / (1 - r)
    freedom = days / inflation - len(sides)
    if freedom <= 0 or squares == 0:
        return DaysJudgement(None, *counts, effect, None, r)
    variance = squares / (freedom * inflation)  # of a day; its own mean follows it about
    error = math.sqrt(variance * inflation * sum(1 / count for count in counts))
    width = float(stdtrit(freedom, 1 - level / 2)) * error
    return DaysJudgement(None, *counts, effect, (effect - width, effect + width), r)


def lag_one(sides: Sequence[Days]) -> float:
    """Lag-1 autocorrelation of days about the mean of their side, bias put back, in 0 to 0.9.

    A negative one is taken for 0: alternating days must not make few of them worth more.
    """
    known = [_known(days) for days in sides]
    means = [fmean(side) for side in known]
    squares = sum(
        (value - mean) ** 2 for side, mean in zip(known, means, strict=True) for value in side
    )
    products = sum(
        (first - mean) * (second - mean)
        for days, mean in zip(sides, means, strict=True)
        for first, second in pairwise(days)
        if first is not None and second is not None
    )
    if squares == 0:
        return 0.0
    # each side has its own mean, and lacks the product of its last day
    r = products / squares
    r += (1 + 3 * r) * len(sides) / sum(map(len, known))
    return min(max(r, 0.0), HIGHEST_AUTOCORRELATION)


def _known(days: Days) -> list[float]:
    return [value for value in days if value is not None]


def _verdict(
    interval: tuple[float, float] | None, better: str, smallest_effect: float
) -> DayVerdict | None:
    if interval is None:
        return None
    low, high = interval
    if low > 0 or high < 0:
        return "improved" if (low > 0) == (better == "higher") else "regressed"
    return "no_effect" if -smallest_effect <= low and high <= smallest_effect else None
