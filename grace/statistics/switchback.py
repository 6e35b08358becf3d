"""Switchback: the lever is moved to and fro in pairs of blocks, and the pairs are the evidence.

Each pair holds one block under the old value ("before") and one under the proposed ("after"), in
an order drawn by a fair coin (design: Bojinov, Simchi-Levi & Zhao, "Design and analysis of
switchback experiments", Management Science 69:7, 2023). If the lever does nothing, swapping the
labels of a pair only flips the sign of its difference, so that the signs are fair coins whatever
the cycle, trend or autocorrelation of the metric. They are bet on as Krichevsky & Trofimov ("The
performance of universal encoding", IEEE Trans. Inf. Theory 27:2, 1981): the evidence after k plus
signs of n is their Beta(1/2, 1/2) mixture likelihood over 2^-n. The chance that it ever reaches
1/p is at most p (Ville 1939), hence a verdict may be taken at the first pair that gives one.

If the lever adds a constant d to every block, the differences less d have fair signs. The d that
no look so far refuted form a confidence sequence (Howard, Ramdas, McAuliffe & Sekhon,
"Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49:2, 2021).
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from statistics import fmean, median
from typing import Literal, TypeAlias

import numpy as np

Block: TypeAlias = Literal["before", "after"]
Verdict: TypeAlias = Literal["improved", "regressed", "no_effect", "insufficient_data"]


@dataclass(frozen=True)
class Judgement:
    """What the pairs say, up to the first verdict; `verdict` is None while undecided.

    `pairs` had data in both blocks and `void_pairs` had not. `effect` is the median of the
    differences, None without any. `interval` is infinite while the pairs are too few.
    """

    verdict: Verdict | None
    e_value: float
    pairs: int
    void_pairs: int
    effect: float | None
    interval: tuple[float, float]

    @property
    def final(self) -> bool:
        return self.verdict is not None


def draw_order(pairs: int, rng: np.random.Generator) -> tuple[tuple[Block, Block], ...]:
    """The order of the two blocks in each pair, by a fair coin; drawn before the first block."""
    return tuple(
        ("before", "after") if before_first else ("after", "before")
        for before_first in rng.integers(2, size=pairs)
    )


def difference(before: Sequence[float], after: Sequence[float]) -> float | None:
    """Mean of the units under "after" less that under "before"; None if a block is empty."""
    return fmean(after) - fmean(before) if before and after else None


def sign_evidence(plus: int, minus: int) -> float:
    """E-value of so many signs against a fair coin; pairs without a difference are not counted."""
    signs = plus + minus
    log_mixture = math.lgamma(plus + 0.5) + math.lgamma(minus + 0.5) - math.lgamma(signs + 1)
    log_beta = 2 * math.lgamma(0.5)
    return math.exp(min(signs * math.log(2) + log_mixture - log_beta, 700.0))


def fewest_pairs(level: float = 0.05) -> int:
    """The pairs before which no verdict on the effect is possible: 7 at 5 %."""
    return next(pairs for pairs in count(1) if sign_evidence(pairs, 0) >= 1 / level)


def confidence_sequence(
    differences: Sequence[float | None], level: float = 0.05
) -> Iterator[tuple[float, float]]:
    """After each pair, the constant effects that no pair so far refuted; void pairs tell nothing.

    An end may itself be refuted, where differences are equal to it. Should an effect that changes
    in time refute every constant one, low exceeds high.
    """
    ordered: list[float] = []
    low, high = -math.inf, math.inf
    for value in differences:
        if value is not None:
            insort(ordered, value)
            if refuted := _refuted_ranks(len(ordered), level):
                low, high = max(low, ordered[refuted - 1]), min(high, ordered[-refuted])
        yield low, high


@lru_cache(maxsize=4096)
def _refuted_ranks(pairs: int, level: float) -> int:
    """How many of the lowest (and highest) differences lie where no effect can be.

    An effect below the r-th lowest difference leaves at most r - 1 minus signs. The evidence of
    so lopsided signs only grows if a minus sign turns out a tie, hence ties need no other rank.
    """
    return next(r for r in count() if sign_evidence(pairs - r, r) < 1 / level)


def judge(
    differences: Sequence[float | None],
    *,
    smallest_effect: float,
    better: Literal["lower", "higher"],
    max_pairs: int,
    level: float = 0.05,
) -> Judgement:
    """Judge the differences "after" less "before" of the pairs so far, None for a void pair.

    The first pair with a verdict ends it and later ones are not looked at, so the verdict does
    not depend on when one asks. Improved or regressed: the signs refute "no effect". No effect:
    the interval lies within +- `smallest_effect`, so that a constant effect beyond it is passed
    over with a chance of at most `level`. Void pairs count towards `max_pairs`, at which the
    verdict is insufficient_data; with void pairs alone it is that, with an e-value of 1.
    Raises ValueError for a difference that is not finite and for limits out of range.
    """
    if any(value is not None and not math.isfinite(value) for value in differences):
        raise ValueError("a difference must be a finite number, or None for a void pair")
    if not (max_pairs >= 1 and smallest_effect >= 0 and 0 < level < 1):
        raise ValueError("max_pairs must be from 1 on, smallest_effect from 0, level within 0 to 1")
    plus = minus = pairs = 0
    verdict: Verdict | None = None
    interval = (-math.inf, math.inf)
    intervals = confidence_sequence(differences[:max_pairs], level)
    for pairs, (value, interval) in enumerate(zip(differences, intervals, strict=False), 1):
        plus += value is not None and value > 0
        minus += value is not None and value < 0
        if sign_evidence(plus, minus) >= 1 / level:
            verdict = "improved" if (plus > minus) == (better == "higher") else "regressed"
        elif -smallest_effect <= interval[0] and interval[1] <= smallest_effect:
            verdict = "no_effect"
        elif pairs == max_pairs:
            verdict = "insufficient_data"
        if verdict is not None:
            break
    used = [value for value in differences[:pairs] if value is not None]
    effect = median(used) if used else None
    evidence = sign_evidence(plus, minus)
    return Judgement(verdict, evidence, len(used), pairs - len(used), effect, interval)
