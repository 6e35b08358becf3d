"""What stops an experiment, and what does not.

Null: the guardrail's mean is not beyond its bound. Error: it trips within 2,000 units, at most 1 %.
"""

import numpy as np
import pytest
from scipy.stats import binom

from grace.statistics.guardrail import FEWEST, highest_evidence, tripped

N = 400
BOUND = int(binom.ppf(0.999, N, 0.01))


@pytest.mark.parametrize(
    ("name", "draw", "bound", "worse"),
    [
        ("rate", lambda rng: rng.binomial(1, 0.95, 2000), 0.95, "lower"),
        ("waits", lambda rng: rng.lognormal(np.log(2) - 0.5, 1, 2000), 2.0, "higher"),
        ("heavy waits", lambda rng: rng.lognormal(np.log(2) - 2, 2, 2000), 2.0, "higher"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_metric_on_its_bound_seldom_trips(name, draw, bound, worse):
    """n = 400, seed 7, a look after each unit: at most 11 (1 %, once in a thousand seeds)."""
    rng = np.random.default_rng(7)
    assert sum(tripped(draw(rng), bound, worse=worse) for _ in range(N)) <= BOUND == 11


def test_a_plain_test_at_every_look_would_trip():
    """The same rates: 1 % at each look, from ten units on, trips in more than one of twenty."""
    rng, n = np.random.default_rng(7), np.arange(1, 2001)
    limit = binom.ppf(0.01, n, 0.95)
    naive = [(np.cumsum(rng.binomial(1, 0.95, 2000)) < limit)[FEWEST:].any() for _ in range(N)]
    assert np.mean(naive) > 0.05


def test_a_rate_that_is_much_worse_trips_soon():
    """80 % against a bound of 95 %, n = 200, seed 5: half within 60, all within 300 units."""
    rng = np.random.default_rng(5)
    courses = rng.binomial(1, 0.8, (200, 300))
    assert sum(tripped(values[:60], 0.95, worse="lower") for values in courses) >= 100
    assert all(tripped(values, 0.95, worse="lower") for values in courses)


@pytest.mark.parametrize("quiet", [0, 3, 9, 200])
@pytest.mark.parametrize("size", [30.0, 3_600.0, 1e9])
def test_one_bad_event_at_night_does_not_trip(quiet, size):
    """One wait of any length, after so many good ones, with a hard limit or not."""
    values = [1.0] * quiet + [size] + [1.0] * 9
    assert not tripped(values, 2.0)
    assert not tripped(values, 2.0, hard_limit=5.0)


def test_one_failed_run_among_few_does_not_trip():
    """The first of ten runs failed, where 95 % must succeed and 80 % is the hard limit."""
    assert not tripped([0.0] + [1.0] * 9, 0.95, worse="lower", hard_limit=0.8)


def test_the_hard_limit_needs_ten_units():
    """Nine waits of an hour are few; the tenth is enough."""
    assert not tripped([3600.0] * 9, 1e6, hard_limit=60.0)
    assert tripped([3600.0] * 10, 1e6, hard_limit=60.0)


def test_the_hard_limit_stops_a_breakdown_after_a_long_good_time():
    """After 5,000 good runs the e-process has no capital left; three of ten failed runs stop it."""
    values = [1.0] * 5000 + [0.0] * 3 + [1.0] * 7
    assert not tripped(values, 0.95, worse="lower")
    assert tripped(values, 0.95, worse="lower", hard_limit=0.8)
    assert not tripped(values[:-7], 0.95, worse="lower", hard_limit=0.7)


def test_once_tripped_more_units_do_not_change_it():
    bad = [0.0] * 12
    assert tripped(bad, 0.95, worse="lower")
    assert tripped(bad + [1.0] * 1000, 0.95, worse="lower")


def test_nine_units_prove_nothing():
    assert not tripped([0.0] * 9, 0.95, worse="lower")
    assert tripped([0.0] * 10, 0.95, worse="lower")


def test_evidence_that_passed_counts_as_the_highest():
    """Ten bad units and then good ones: the evidence at the tenth, of the nine that count."""
    amounts = np.array([5.0] * 10)
    there = highest_evidence(amounts, 2.0)
    assert there > 100
    assert highest_evidence(np.append(amounts, np.zeros(50)), 2.0) == there


@pytest.mark.parametrize(
    ("values", "bound", "worse"),
    [
        ([-1.0], 1.0, "higher"),
        ([2.0], 0.5, "lower"),
        ([float("nan")], 1.0, "higher"),
        ([1.0], 0.0, "higher"),
        ([1.0], 1.0, "lower"),
    ],
)
def test_what_is_out_of_range_is_refused(values, bound, worse):
    with pytest.raises(ValueError, match=r"between 0|from 0"):
        tripped(values, bound, worse=worse)
