"""Concurrent arms: each unit is assigned to the control or the treatment; both run side by side.

The unit of assignment is the unit of analysis: one value each, whatever happens within it. An arm
is kept as running sums, and the difference of the arms has an *asymptotic confidence sequence*:
where D is the difference of the means, V its estimated variance, and n all units of both arms,

    D +- sqrt( V * 2 (n r^2 + 1) / (n r^2) * log( sqrt(n r^2 + 1) / level ) ),
    r^2 = (-2 log level + log(1 - 2 log level)) / TUNED_AT,

holds the true difference at all looks together with a chance that tends to 1 - level as the first
look comes later (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, "Time-uniform central limit theory
and asymptotic confidence sequences", Annals of Statistics 52:6, 2024; the boundary is the normal
mixture of Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of
Mathematical Statistics 41:5, 1970, see Howard, Ramdas, McAuliffe & Sekhon, "Time-uniform,
nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49:2, 2021). So one may
look as often as one likes. It is narrowest about n = TUNED_AT: 250 units an arm.

Why not a bet, exact at every n: a wait has no upper bound, so no exact interval for its mean
exists; and one for rates that is told sums alone (Hoeffding) is about twice as long in finding a
drop from 90 % to 80 %. What the limit theorem lacks at small n, and in lopsided arms, is held off
by a burn-in (`fewest_units`); `benchmarks/arms.py` shows how often verdicts are still wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

Better: TypeAlias = Literal["lower", "higher"]
ArmsVerdict: TypeAlias = Literal["improved", "regressed", "no_effect"]

TUNED_AT = 500
FEWEST = 30


@dataclass(frozen=True)
class Sums:
    """One arm: units, their mean, and the sum of their squared distances from it.

    Sums of parts add up to the sums of the whole (Chan, Golub & LeVeque, "Algorithms for computing
    the sample variance", The American Statistician 37:3, 1983).
    """

    n: int
    mean: float
    m2: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Sums:
        """One finite value a unit; none at all is an arm of 0 units. Raises ValueError."""
        units = list(values)
        if not all(math.isfinite(unit) for unit in units):
            raise ValueError("a unit's value must be a finite number")
        mean = fmean(units) if units else 0.0
        return cls(len(units), mean, math.fsum((unit - mean) ** 2 for unit in units))

    def __add__(self, other: Sums) -> Sums:
        if not (self.n and other.n):
            return self if self.n else other
        n, gap = self.n + other.n, other.mean - self.mean
        mean = self.mean + gap * other.n / n
        return Sums(n, mean, self.m2 + other.m2 + gap**2 * self.n * other.n / n)

    @property
    def variance_of_mean(self) -> float:
        """The squared standard error; infinite below two units."""
        return self.m2 / (self.n - 1) / self.n if self.n > 1 else math.inf


@dataclass(frozen=True)
class RatioSums:
    """One arm of a ratio metric: means of numerator and denominator, their m2, and co-moment.

    For metrics such as failed tasks per task, where the unit is the run and its tasks are not
    units of their own. Sums of parts add up, as those of `Sums` do.
    """

    n: int
    numerator: float
    denominator: float
    m2_numerator: float
    m2_denominator: float
    co_moment: float

    @classmethod
    def of(cls, pairs: Iterable[tuple[float, float]]) -> RatioSums:
        """One numerator and one denominator a unit, both finite. Raises ValueError."""
        units = list(pairs)
        above, below = (Sums.of(pair[side] for pair in units) for side in (0, 1))
        co = math.fsum((up - above.mean) * (down - below.mean) for up, down in units)
        return cls(above.n, above.mean, below.mean, above.m2, below.m2, co)

    def __add__(self, other: RatioSums) -> RatioSums:
        above, below = (
            mine + theirs for mine, theirs in zip(self._sides, other._sides, strict=True)
        )
        co = self.co_moment + other.co_moment
        if self.n and other.n:
            gaps = (other.numerator - self.numerator) * (other.denominator - self.denominator)
            co += gaps * self.n * other.n / above.n
        return RatioSums(above.n, above.mean, below.mean, above.m2, below.m2, co)

    @property
    def _sides(self) -> tuple[Sums, Sums]:
        return (
            Sums(self.n, self.numerator, self.m2_numerator),
            Sums(self.n, self.denominator, self.m2_denominator),
        )

    def linear(self) -> Sums:
        """The ratio of the sums as the mean of one value a unit, which `judge_arms` can judge.

        The delta method: the values R + (numerator - R * denominator) / mean denominator have the
        ratio R as their mean, and its variance (Deng, Knoblich & Lu, "Applying the delta method in
        metric analytics", KDD 2018). Raises ValueError where the mean denominator is not above 0.
        """
        if not self.denominator > 0:
            raise ValueError("a ratio needs a mean denominator above 0")
        ratio = self.numerator / self.denominator
        m2 = self.m2_numerator - 2 * ratio * self.co_moment + ratio**2 * self.m2_denominator
        return Sums(self.n, ratio, max(m2, 0.0) / self.denominator**2)


@dataclass(frozen=True)
class Estimate:
    """What the arms say of an effect: its value, the variance of that, and the units of both."""

    value: float
    variance: float
    n: int

    def interval(self, level: float = 0.05, tuned_at: float = TUNED_AT) -> tuple[float, float]:
        """The asymptotic confidence sequence at this look, narrowest about n = `tuned_at`."""
        r2 = (-2 * math.log(level) + math.log1p(-2 * math.log(level))) / tuned_at
        spread = self.n * r2 + 1
        boundary = 2 * spread / (spread - 1) * (math.log(spread) / 2 - math.log(level))
        width = math.sqrt(self.variance * boundary)
        return self.value - width, self.value + width


def difference(control: Sums, treatment: Sums) -> Estimate:
    """Treatment less control."""
    variance = control.variance_of_mean + treatment.variance_of_mean
    return Estimate(treatment.mean - control.mean, variance, control.n + treatment.n)


def lift(control: Sums, treatment: Sums) -> Estimate:
    """The difference as a share of the control, by the delta method.

    Raises ValueError where the mean of the control is 0, of which nothing is a share.
    """
    if control.mean == 0:
        raise ValueError("a lift needs a control whose mean is not 0")
    ratio = treatment.mean / control.mean
    variance = treatment.variance_of_mean + ratio**2 * control.variance_of_mean
    return Estimate(ratio - 1, variance / control.mean**2, control.n + treatment.n)


@dataclass(frozen=True)
class ArmsJudgement:
    """What the arms say now; `verdict` is None while undecided.

    `effect` is treatment less control, None while an arm is empty. `interval` holds it at all
    looks together, None within the burn-in and while nothing varies.
    """

    verdict: ArmsVerdict | None
    effect: float | None
    interval: tuple[float, float] | None
    n_control: int
    n_treatment: int


def fewest_units(n_control: int, n_treatment: int) -> float:
    """The units that the smaller arm must have before a verdict: 30 if it has 40 % of all or more.

    With less, the skew of the values does not cancel between the arms: 101 for arms at 30 to 70,
    368 at 20 to 80. Found by simulation; infinite while an arm is empty.
    """
    smaller, larger = sorted((n_control, n_treatment))
    return FEWEST * max(1.0, larger / smaller - 0.5) ** 2 if smaller else math.inf


def judge_arms(
    control: Sums,
    treatment: Sums,
    *,
    better: Better,
    smallest_effect: float,
    level: float = 0.05,
    span: float | None = None,
) -> ArmsJudgement:
    """Judge the arms as they stand; the first look with a verdict ends an experiment.

    Improved or regressed: the interval excludes 0. No effect: it lies within +- `smallest_effect`.
    `span` is the width of the range of a value that has one, 1 for a rate. Give it where there is
    one: each arm then counts one unit more at either end in its variance, without which units that
    are nearly all alike would say *no_effect* too soon. Raises ValueError for limits out of range.
    """
    if not (smallest_effect >= 0 and 0 < level < 1 and (span is None or span > 0)):
        raise ValueError("smallest_effect must be from 0, level within 0 to 1, span above 0")
    counts = (control.n, treatment.n)
    effect = treatment.mean - control.mean if min(counts) else None
    if min(counts) < fewest_units(*counts):
        return ArmsJudgement(None, effect, None, *counts)
    seen = difference(_widened(control, span), _widened(treatment, span))
    if seen.variance == 0:
        return ArmsJudgement(None, effect, None, *counts)
    interval = seen.interval(level)
    return ArmsJudgement(_verdict(interval, better, smallest_effect), effect, interval, *counts)


def _widened(arm: Sums, span: float | None) -> Sums:
    """With a unit at either end of the range, whose middle is put on the mean of the arm."""
    return arm if span is None else arm + Sums(2, arm.mean, span**2 / 2)


def _verdict(
    interval: tuple[float, float], better: Better, smallest_effect: float
) -> ArmsVerdict | None:
    low, high = interval
    if low > 0 or high < 0:
        return "improved" if (low > 0) == (better == "higher") else "regressed"
    return "no_effect" if -smallest_effect <= low and high <= smallest_effect else None
