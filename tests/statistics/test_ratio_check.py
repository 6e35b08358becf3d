"""Do the arms hold as many units as were assigned to them?

Null: each unit goes to the treatment with the planned share. Error: a mismatch at any look, at
most 0.1 % of experiments.
"""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from grace.statistics.ratio_check import evidence, mismatch


def test_arms_as_planned_are_no_mismatch():
    assert not mismatch(500, 500)
    assert not mismatch(900, 100, 0.1)
    assert not mismatch(0, 0)


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ((450, 550), 0.5, False),
        ((400, 600), 0.5, True),
        ((4700, 5300), 0.5, True),
        ((500, 500), 0.4, True),
        ((0, 20), 0.5, True),
        ((0, 9), 0.5, False),
    ],
)
def test_units_that_are_missing_are_a_mismatch(counts, share, expected):
    assert mismatch(*counts, share) == expected


def test_the_share_is_that_of_the_treatment():
    assert evidence(80, 20, 0.2) < 1 < evidence(20, 80, 0.2)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_evidence_has_a_mean_of_one_under_the_plan(share):
    """Over all 2^10 courses of ten units, so that reaching 1000 has a chance of at most 0.1 %."""
    mean = sum(
        evidence(10 - sum(course), sum(course), share)
        * share ** sum(course)
        * (1 - share) ** (10 - sum(course))
        for course in product((0, 1), repeat=10)
    )
    assert mean == pytest.approx(1)


def test_it_is_a_martingale_at_every_count():
    """From 7 and 3 units the next unit leaves the evidence as it is, on average."""
    share = 0.3
    ahead = share * evidence(7, 4, share) + (1 - share) * evidence(8, 3, share)
    assert ahead == pytest.approx(evidence(7, 3, share))


def test_looks_raise_no_false_mismatch():
    """n = 500 experiments of 2,000 units, looked at after each ten, seed 3: at most 4 mismatches.

    Of a true 0.1 %, more than 4 come less than once in a thousand seeds. A binomial test at 0.1 %
    at each look finds more than that many on the same counts.
    """
    treated = np.cumsum(np.random.default_rng(3).binomial(10, 0.5, (500, 200)), axis=1)
    units = 10 * np.arange(1, 201)
    wrong = sum(
        any(mismatch(n - k, k) for k, n in zip(row.tolist(), units.tolist(), strict=True))
        for row in treated
    )
    assert wrong <= binom.ppf(0.999, 500, 0.001) <= 4
    critical = np.array([_critical(int(n)) for n in units])
    naive = (np.abs(2 * treated - units) >= critical).any(axis=1).sum()
    assert naive > 4


def _critical(n: int) -> int:
    """The smallest gap between the arms that a binomial test at 0.1 % calls a mismatch."""
    low = int(binom.ppf(0.0005, n, 0.5))
    while binomtest(low, n).pvalue > 0.001:
        low -= 1
        if low < 0:
            return n + 1
    return n - 2 * low


@pytest.mark.parametrize("wrong", [(-1, 5, 0.5), (5, 5, 0.0), (5, 5, 1.0)])
def test_what_is_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match="share"):
        mismatch(*wrong)
