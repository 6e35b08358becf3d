"""Intervals that stay true where what is counted hangs together."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from grace.analysis.rates import (
    Floats,
    Interval,
    difference,
    effective_units,
    mean_interval,
    rate_interval,
)

ICC = 0.2
STREAMS = 2000


def wilson(hits: float, n: float) -> Interval:
    """What one would write first: every attempt counts as independent."""
    z, rate = norm.ppf(0.975), hits / n
    middle = rate + z**2 / (2 * n)
    reach = z * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return (middle - reach) / (1 + z**2 / n), (middle + reach) / (1 + z**2 / n)


def of(*units: tuple[float, float]) -> tuple[Floats, Floats]:
    sums, counts = np.array(units, dtype=np.float64).T
    return sums, counts


@pytest.mark.parametrize("rate", [0.5, 0.85, 0.95, 0.99])
@pytest.mark.parametrize("units", [12, 48, 200])
def test_the_interval_of_a_rate_covers_what_hangs_together(rate: float, units: int) -> None:
    """Null: beta-binomial units of about 10 attempts, ICC 0.2, true rate as given.

    Over 2,000 windows of 12, 48 or 200 units the interval covers the rate in at least 93 %; the
    one that counts attempts does not reach 90 %, and 80 % where there is something to estimate.
    """
    rng = np.random.default_rng(20260301)
    spread = 1 / ICC - 1
    covered, covered_by_attempts = 0, 0
    for _ in range(STREAMS):
        counts = rng.poisson(9, units) + 1
        own = rng.beta(rate * spread, (1 - rate) * spread, units)
        hits = rng.binomial(counts, own).astype(np.float64)
        found = rate_interval(hits, counts.astype(np.float64))
        assert found is not None
        covered += found[0] <= rate <= found[1]
        low, high = wilson(hits.sum(), counts.sum())
        covered_by_attempts += low <= rate <= high
    assert covered / STREAMS >= 0.93
    assert covered_by_attempts / STREAMS < (0.9 if rate == 0.99 else 0.8)


def test_units_of_very_different_size() -> None:
    """Null: one unit in five has 30 attempts, the others one; ICC 0.2, rate 0.85, 50 units."""
    rng = np.random.default_rng(20260302)
    covered = 0
    for _ in range(STREAMS):
        counts = np.where(rng.random(50) < 0.2, 30, 1)
        own = rng.beta(0.85 * 4, 0.15 * 4, 50)
        found = rate_interval(rng.binomial(counts, own).astype(float), counts.astype(float))
        covered += found is not None and found[0] <= 0.85 <= found[1]
    assert covered / STREAMS >= 0.93


@pytest.mark.parametrize("units", [12, 48])
def test_the_interval_of_a_mean_covers(units: int) -> None:
    """Null: lognormal waits, sigma 0.5 between units and 0.5 within, about 10 in each."""
    rng = np.random.default_rng(20260303)
    true = math.exp(0.25)
    covered = 0
    for _ in range(STREAMS):
        counts = rng.poisson(9, units) + 1
        levels = rng.normal(0, 0.5, units)
        sums = [rng.lognormal(level, 0.5, n).sum() for level, n in zip(levels, counts, strict=True)]
        found = mean_interval(np.array(sums), counts.astype(float), "log")
        assert found is not None
        covered += found[0] <= true <= found[1]
    assert covered / STREAMS >= 0.93


class TestTooLittle:
    """Where precision would be made up."""

    @pytest.mark.parametrize("units", [(), ((7.0, 10.0),)])
    def test_below_two_units_there_is_no_interval(self, units: tuple[tuple[float, float]]) -> None:
        """However many attempts the one unit has."""
        sums, counts = of(*units) if units else (np.zeros(0), np.zeros(0))
        assert rate_interval(sums, counts) is None
        assert mean_interval(sums, counts, "plain") is None

    def test_units_that_do_not_differ_give_a_mean_no_interval(self) -> None:
        """Their spread is not known to be 0; rounding is not taken for one."""
        assert mean_interval(*of((5, 1), (10, 2), (15, 3)), "log") is None
        assert mean_interval(*of((0.3, 3), (0.1, 1), (0.7, 7)), "plain") is None

    def test_one_unit_that_outweighs_all_others(self) -> None:
        """Two units of which one holds nearly everything are hardly two."""
        assert mean_interval(*of((1, 1), (5000, 1000)), "log") is None
        low, high = rate_interval(*of((1, 1), (500, 1000))) or (1, 0)
        assert (low, high) == pytest.approx((0, 1), abs=1e-6)

    def test_outcomes_that_are_all_alike_count_once_a_unit(self) -> None:
        """Ten runs of a hundred successes say as much as ten of one."""
        many = rate_interval(*of(*[(100, 100)] * 10))
        once = rate_interval(*of(*[(1, 1)] * 10))
        assert many == pytest.approx(once)
        assert many is not None
        assert 0.6 < many[0] < 0.75
        assert many[1] == 1

    def test_more_attempts_never_narrow_it_beyond_their_number(self) -> None:
        """Units that are too alike to be chance count as independent attempts."""
        alike = rate_interval(*of(*[(5, 10)] * 20))
        assert alike is not None
        assert alike[1] - alike[0] > 0.98 * (wilson(100, 200)[1] - wilson(100, 200)[0])


def test_the_interval_of_a_rate_within_a_mean_of_shares() -> None:
    """On the logit scale a mean of shares stays between 0 and 1."""
    found = mean_interval(*of((0.999, 1), (1.0, 1), (0.2, 1)), "logit")
    assert found is not None
    assert 0 < found[0] < 0.733 < found[1] < 1


def test_a_wider_level_is_wider() -> None:
    """Limits for several bins at once."""
    sums, counts = of((3, 10), (6, 10), (5, 10), (4, 10))
    narrow, wide = rate_interval(sums, counts), rate_interval(sums, counts, 0.995)
    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_effective_units() -> None:
    """As many as there are where they are equal, fewer else."""
    assert effective_units(np.array([4.0, 4.0, 4.0])) == pytest.approx(3)
    assert effective_units(np.array([1.0, 1.0, 10.0])) == pytest.approx(144 / 102)
    assert effective_units(np.zeros(0)) == 0


def test_the_difference_of_two_rates() -> None:
    """Newcombe's example (a): 56 of 70 against 48 of 80 differ by 0.0524 to 0.3339."""
    found, (low, high) = difference(56 / 70, wilson(56, 70), 48 / 80, wilson(48, 80))
    assert found == pytest.approx(0.2)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
