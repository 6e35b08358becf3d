"""When the level of a daily series has really shifted: a cumulative sum of evidence.

Page's scheme (Biometrika 41:1-2, 1954) with log likelihood ratios: each day adds what it says for
a shift by `smallest` against none, d/s^2 (x - level - d/2), never below 0; a shift is told once the
sum says 20 to 1. The level is the mean of the days since the last shift. One day says 2.5 at most,
so that a single day, however strange, is never a shift. A level just found is known by two or
three days only: until it has seven, nothing is told of a way back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan, log, sqrt
from typing import TypeAlias

__all__ = ["Regime", "noise_of", "regime_of"]

TOLD = log(20)
MOST_A_DAY = 2.5
LEAST_NOISE = 0.1  # of the smallest shift: what never varied is taken to vary so much
SETTLED = 7  # days of a new level before a shift back is told
FEWEST = 8  # values below which noise is not estimated

Values: TypeAlias = Sequence[float]


@dataclass(frozen=True)
class Regime:
    """The days since the last shift: `start` is the place of the first among the values given.

    `shifted` is +1 or -1, the way of that shift, 0 where there was none; `told` the place of the
    day that told of it. `level` is the mean of the `n` values since.
    """

    start: int
    level: float
    n: int
    shifted: int = 0
    told: int = 0


def noise_of(values: Values) -> float | None:
    """From one value to the next (von Neumann 1941), which a single shift hardly touches.

    None below 8 values.
    """
    known = [value for value in values if not isnan(value)]
    if len(known) < FEWEST:
        return None
    steps = [(new - old) ** 2 for old, new in pairwise(known)]
    return sqrt(sum(steps) / (2 * len(steps)))


def regime_of(values: Values, noise: float, smallest: float) -> Regime | None:
    """Where the present level began; None without a value. NaN is a day that says nothing."""
    noise = max(noise, LEAST_NOISE * smallest)
    found: Regime | None = None
    for place, value in enumerate(values):
        if isnan(value):
            continue
        if found is None:
            found, sums = Regime(place, value, 1), _NONE
            continue
        sums = _grown(sums, value - found.level, noise**2 * (1 + 1 / found.n), smallest, place)
        if found.shifted and found.n < SETTLED:
            sums[-found.shifted] = (0.0, place)
        told = next((way for way in (1, -1) if sums[way][0] >= TOLD), 0)
        if told:
            start = sums[told][1]
            since = [each for each in values[start : place + 1] if not isnan(each)]
            found = Regime(start, sum(since) / len(since), len(since), told, place)
            sums = _NONE
        else:
            level = found.level + (value - found.level) / (found.n + 1)
            found = Regime(found.start, level, found.n + 1, found.shifted, found.told)
    return found


Sums: TypeAlias = dict[int, tuple[float, int]]  # for each way, the evidence and where it began
_NONE: Sums = {1: (0.0, 0), -1: (0.0, 0)}


def _grown(sums: Sums, off: float, variance: float, smallest: float, place: int) -> Sums:
    return {
        way: _plus(held, smallest / variance * (way * off - smallest / 2), place)
        for way, held in sums.items()
    }


def _plus(held: tuple[float, int], says: float, place: int) -> tuple[float, int]:
    evidence, began = held
    grown = evidence + min(says, MOST_A_DAY)
    if grown <= 0:
        return 0.0, place
    return grown, began if evidence > 0 else place
