"""Betting against a limit on the mean of non-negative amounts.

A stake s multiplies its capital by 1 + s * (a / c - 1) at each amount a, for 0 < s < 1. While no
expected amount, given the ones before, exceeds the limit c, each factor is worth at most 1 on
average, and so is the mean of the stakes' capitals, the *evidence*: the chance that it ever
reaches 1/p is at most p (Ville 1939; Waudby-Smith & Ramdas, "Estimating means of bounded random
variables by betting", JRSS B 86:1, 2024). Neither the shape of the amounts nor their variance
nor the number of looks matters. All of it is kept as logarithms, so nothing overflows.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

# Large stakes win fast on wide gaps and steady units, small ones on narrow gaps and heavy tails.
STAKES: Floats = np.array([0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])

_LARGEST_LOG = 700.0  # e**700 is still a float


def log_capital(amounts: Floats, limit: float) -> Floats:
    """(amounts + 1, stakes): the log capital of each stake before and after each amount."""
    return np.vstack([np.zeros(STAKES.size), np.cumsum(_log_factors(amounts, limit), axis=0)])


def _log_factors(amounts: Floats, limit: float) -> Floats:
    with np.errstate(over="ignore"):
        ratio = np.minimum(amounts / limit, math.exp(_LARGEST_LOG))
    return np.asarray(np.log1p(np.multiply.outer(ratio - 1, STAKES)))


def log_evidence(capital: Floats) -> Floats:
    """The log of the mean capital over the stakes, which are the last axis."""
    peak = capital.max(axis=-1, keepdims=True)
    return np.asarray(peak[..., 0] + np.log(np.exp(capital - peak).mean(axis=-1)))


def evidence(log: Floats | float) -> Floats:
    """Evidence from its logarithm; beyond the range of a float it stays at e**700."""
    return np.asarray(np.exp(np.minimum(log, _LARGEST_LOG)))


def lower_limit(amounts: Floats, log_needed: float) -> float:
    """The limit against which the amounts bear exactly the evidence needed, 0 if there is none.

    Every limit below it is refuted at level 1 / needed: the lower end of a one-sided confidence
    sequence. Evidence falls as the limit rises and is at most 1 at the largest amount, so the
    search runs over how many e-folds below that amount the limit lies.
    """
    from scipy.optimize import brentq  # takes longer to import than a cycle without it computes

    largest = float(amounts.max())
    if largest == 0:
        return 0.0
    shares = amounts / largest

    def lacking(folds: float) -> float:
        return log_needed - float(log_evidence(_log_factors(shares, math.exp(-folds)).sum(axis=0)))

    if lacking(_LARGEST_LOG) > 0:
        return 0.0
    return largest * math.exp(-float(brentq(lacking, 0.0, _LARGEST_LOG, xtol=1e-9)))
