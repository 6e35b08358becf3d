"""The arms' promises at small size; `python -m benchmarks.arms` holds them in full.

Null: the lever does nothing. Error: *improved* or *regressed* at any of 720 hourly looks, at most
5 % of experiments. With n = 200 and a true rate of 5 %, more than 21 come less than once in a
thousand seeds. The naive z test with looks must be wrong far more often on the same units.
"""

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.arms import METRICS, chain, rate, with_rates, without_effect

N = 200
BOUND = int(binom.ppf(0.999, N, 0.05))


def test_the_bound_is_the_one_stated():
    """At a true rate of 5 %, more than 21 of 200 come less than once in a thousand seeds."""
    assert BOUND == 21


@pytest.mark.parametrize(
    "metric", [METRICS[0], METRICS[3], METRICS[5], METRICS[9]], ids=lambda metric: metric.name
)
def test_a_lever_that_does_nothing_seldom_gets_a_verdict(metric):
    """n = 200 experiments of 30 days, fixed seed; the naive method is wrong in a third or more."""
    wrong, naive = without_effect(metric, N)
    assert wrong <= BOUND
    assert naive > N / 3


def test_attempts_are_correlated_as_the_metric_says():
    """Of two tasks of a run at 90 %, ICC 0.2: the variance of runs tells it; seed 11."""
    runs = rate(0.9, 0.2).draw(np.random.default_rng(11), 1)
    assert runs.mean() == pytest.approx(0.9, abs=0.01)
    assert runs.var() == pytest.approx(0.9 * 0.1 / 10 * (1 + 9 * 0.2), rel=0.05)


def test_a_drop_of_ten_points_is_found_within_half_a_day():
    """90 % to 80 %, 20 units an hour an arm, n = 200: 12 hours in the median, never *improved*."""
    verdicts, hours = with_rates((0.9, 0.8), 0.0, N)
    assert verdicts.count("regressed") == N
    assert np.median(hours) <= 12


def test_an_effect_beyond_the_smallest_is_seldom_called_none():
    """Just beyond ±5 points, n = 200: at most 5 % are passed over."""
    verdicts, _ = with_rates((0.9, 0.85 - 5e-5), 0.05, N)
    assert verdicts.count("no_effect") + verdicts.count("improved") <= BOUND


def test_no_effect_is_found_where_there_is_none():
    """±5 points, 90 %: nine of ten experiments say so, in four days at the median."""
    verdicts, hours = with_rates((0.9, 0.9), 0.05, N)
    assert verdicts.count("no_effect") >= 0.9 * N
    assert np.median(hours) <= 96


def test_the_whole_chain_without_an_effect_seldom_ends_in_a_verdict():
    """Gate, answer, arms, at ICC 0.5 of an hour that wanders; n = 60, at most 9 wrong."""
    raised, wrong, naive = chain(0.5, 2.0, 60)
    assert raised == 60
    assert binom.sf(9, raised, 0.05) < 0.001
    assert wrong <= 9
    assert naive > raised / 4
