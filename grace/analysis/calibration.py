"""Calibration: is stated confidence earned?

Brier score: the mean of (stated - outcome)^2 (Brier, Monthly Weather Review 78:1, 1950). Expected
calibration error: over ten equal bins of what was stated, the mean distance of what was stated
from what came true, weighted by the predictions in each (Naeini, Cooper & Hauskrecht, AAAI 2015).
Excess: the Brier score less the one that the stated numbers promise (Spiegelhalter, Statistics in
Medicine 5:5, 1986); above 0, the numbers are more certain than they have earned.
"""

from typing import Literal, TypeAlias

from grace.analysis.merging import Merged
from grace.analysis.rates import Interval, Mean, Rate, Record
from grace.analysis.tally import Tally, merged

__all__ = ["BINS", "Calibration", "CalibrationBin", "CalibrationStanding", "report_calibration"]

CalibrationStanding: TypeAlias = Literal[
    "overconfident", "underconfident", "miscalibrated", "no_error_shown", "insufficient_data"
]
BINS = 10
LEVEL = 0.95


class CalibrationBin(Record):
    """What was stated between low and high: its mean, and how often it came true."""

    low: float
    high: float
    stated: float
    observed: Rate


class Calibration(Record):
    """`gap` is mean stated confidence less accuracy: above 0, more was stated than came true.

    `unstated` predictions came with no number and `unusable` ones with one outside 0 to 1; neither
    is in n. The error's interval is wide, as it must hold for all bins at once. `standing` is
    wrong with a chance of at most 5 % where it says that there is an error.
    """

    n: int
    brier: Mean
    error: float | None
    error_interval: Interval | None
    gap: Mean
    excess: Mean
    bins: tuple[CalibrationBin, ...]
    unstated: int
    unusable: int
    standing: CalibrationStanding


def report_calibration(found: Merged) -> Calibration:
    stated, observed = found.parts("learning.stated"), found.parts("learning.observed")
    bins = [_bin(int(name), said, observed[name]) for name, said in stated.items()]
    brier = found.mean("learning.brier", "logit")
    return Calibration(
        n=brier.n,
        brier=brier,
        error=_weighted(bins, [abs(one.stated - _share(one)) for one in bins]),
        error_interval=_error_interval(bins, list(observed.values())) if brier.units > 1 else None,
        gap=found.mean("learning.gap", "plain"),
        excess=found.mean("learning.excess", "plain"),
        bins=tuple(bins),
        unstated=found.whole("learning.brier").apart.get("not stated", 0),
        unusable=brier.unusable,
        standing=_standing(found, merged(observed.values())),
    )


def _bin(place: int, stated: Tally, observed: Tally) -> CalibrationBin:
    return CalibrationBin(
        low=place / BINS,
        high=(place + 1) / BINS,
        stated=stated.total / stated.n,
        observed=observed.rate(),
    )


def _share(one: CalibrationBin) -> float:
    return one.observed.hits / one.observed.n


def _weighted(bins: list[CalibrationBin], values: list[float]) -> float | None:
    n = sum(one.observed.n for one in bins)
    weighted = sum(one.observed.n * value for one, value in zip(bins, values, strict=True))
    return weighted / n if n else None


def _error_interval(bins: list[CalibrationBin], observed: list[Tally]) -> Interval | None:
    """Each bin's distance at its nearest and its farthest, weighted.

    A bin's limits hold for all bins at once (Bonferroni); one of a single unit may lie anywhere.
    """
    level = 1 - (1 - LEVEL) / len(bins)
    limits = [tally.rate(level=level).interval or (0.0, 1.0) for tally in observed]
    pairs = list(zip(bins, limits, strict=True))
    near = _weighted(
        bins, [max(0.0, low - at.stated, at.stated - high) for at, (low, high) in pairs]
    )
    far = _weighted(bins, [max(abs(at.stated - end) for end in ends) for at, ends in pairs])
    return None if near is None or far is None else (near, far)


def _standing(found: Merged, observed: Tally) -> CalibrationStanding:
    """By gap and excess; the gap says which side it is.

    Two looks at the same numbers would share the 5 %. Each has a quarter of it: in simulations of
    40 units the excess, which is skewed, is wrong about twice as often as its level says.
    """
    level = 1 - (1 - LEVEL) / 4
    gap = found.whole("learning.gap").mean("plain", level)
    came = observed.rate(level=level)
    if came.value is None or came.interval is None or gap.value is None:
        return "insufficient_data"
    # where the units' gaps do not differ, they have no spread; how often it came true has
    stated = gap.value + came.value
    low, high = gap.interval or (stated - came.interval[1], stated - came.interval[0])
    if low > 0:
        return "overconfident"
    if high < 0:
        return "underconfident"
    low, high = found.whole("learning.excess").mean("plain", level).interval or (0.0, 0.0)
    return "miscalibrated" if low > 0 or high < 0 else "no_error_shown"
