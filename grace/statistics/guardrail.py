"""A guardrail: a metric that an experiment must not make worse than its bound.

Two ways lead to a stop, and neither can be taken by one bad unit. The *e-process* bets (`betting`)
that the mean is worse than the bound; while it is not, given the units before, the chance that the
evidence ever reaches 100 is at most 1 % (Ville 1939). The unit that speaks most for it is set
aside, and a crossing counts only from the tenth unit on: both only lower the evidence, so that the
chance stays. The *hard limit* makes no such promise; it is for breakdowns that nobody wants proven:
ten units in a row whose mean is beyond it even without the worst of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from grace.statistics import betting
from grace.statistics.betting import Floats

LEVEL = 0.01
FEWEST = 10


def tripped(
    values: Sequence[float],
    bound: float,
    *,
    worse: Literal["higher", "lower"] = "higher",
    hard_limit: float | None = None,
    level: float = LEVEL,
) -> bool:
    """Whether the units so far, one value each in the order of time, ever tripped the guardrail.

    Where `worse` is "higher", values are from 0 on and their mean must not exceed `bound`; where
    "lower", they are rates from 0 to 1 and their mean must not fall below it. Once tripped, more
    units do not change it. Raises ValueError for values and bounds out of these ranges.
    """
    highest = 1.0 if worse == "lower" else np.finfo(np.float64).max
    numbers = np.asarray(values, dtype=np.float64)
    if not np.all((numbers >= 0) & (numbers <= highest)):
        raise ValueError(f"values must be numbers from 0 to {highest}")
    if not (0 < bound < highest and 0 < level < 1):
        raise ValueError(f"the bound must lie between 0 and {highest}, the level between 0 and 1")
    if numbers.size < FEWEST:
        return False
    amounts, limit = (1 - numbers, 1 - bound) if worse == "lower" else (numbers, bound)
    if highest_evidence(amounts, limit) >= 1 / level:
        return True
    if hard_limit is None:
        return False
    return _breaks(amounts, 1 - hard_limit if worse == "lower" else hard_limit)


def highest_evidence(amounts: Floats, limit: float) -> float:
    """The highest evidence from the tenth unit on, without the worst unit up to there."""
    capital = betting.log_capital(amounts, limit)
    gains = np.maximum(np.diff(capital, axis=0), 0.0)
    without_worst = capital[1:] - np.maximum.accumulate(gains, axis=0)
    return float(betting.evidence(betting.log_evidence(without_worst[FEWEST - 1 :]).max()))


def _breaks(amounts: Floats, hard_limit: float) -> bool:
    rows = np.lib.stride_tricks.sliding_window_view(amounts, FEWEST)
    without_worst = (rows.sum(axis=1) - rows.max(axis=1)) / (FEWEST - 1)
    return bool((without_worst > hard_limit).any())
