"""What two arms side by side say, from their running sums."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.statistics.arms import (
    FEWEST,
    Estimate,
    RatioSums,
    Sums,
    difference,
    fewest_units,
    judge_arms,
    lift,
)

FINITE = st.floats(-1e3, 1e3)


def rate(n: int, mean: float) -> Sums:
    """An arm of units that are each 0 or 1."""
    good = round(n * mean)
    return Sums.of([1.0] * good + [0.0] * (n - good))


def moments(total: float, squares: float, n: int) -> Sums:
    return Sums(n, total / n, squares - total**2 / n)


def proportion(good: int, n: int) -> Sums:
    """With p (1 - p) as the variance of a unit, where `Sums.of` has p (1 - p) n / (n - 1)."""
    return Sums(n, good / n, good / n * (1 - good / n) * (n - 1))


def ratio(n: int, above: Sums, below: Sums, products: float) -> Sums:
    co = products - n * above.mean * below.mean
    return RatioSums(n, above.mean, below.mean, above.m2, below.m2, co).linear()


MEANS = (moments(1396.87, 52377.9767, 3000), moments(2422.7, 134698.29, 3461))
RATES = (proportion(1396, 3000), proportion(2422, 3461))
SMALL = (proportion(14, 28), proportion(16, 30))
RATIOS = (
    ratio(
        100,
        moments(485.112236689623, 2715.484666118136, 100),
        moments(679.9093275844917, 4939.424001640236, 100),
        3602.146836776702,
    ),
    ratio(
        100,
        moments(514.7757826608777, 2994.897482705013, 100),
        moments(705.4090874383759, 5291.36604146392, 100),
        3918.1561431600717,
    ),
)

# What the release 0.8.0 of gbstats, GrowthBook's statistics engine, answers: the intervals of its
# SequentialTwoSidedTTest at level 0.05. The inputs stand in its own tests, growthbook/growthbook,
# packages/stats/tests/frequentist/test_tests.py, which publish results to five decimals only.
GBSTATS = (
    ("means", MEANS, lift, 10, -0.7678482306106569, 1.7745704023231286),
    ("means", MEANS, lift, 1000, -0.5584405051077315, 1.5651626768202032),
    ("means", MEANS, lift, 5000, -0.5097177608556427, 1.5164399325681144),
    ("means", MEANS, lift, 6461, -0.5086146655205721, 1.5153368372330438),
    ("means", MEANS, lift, 10000, -0.5148453538427125, 1.5215675255551842),
    ("means", MEANS, difference, 5000, -0.16011652842982782, 0.6288698617631612),
    ("rates", RATES, lift, 5000, 0.4009784966859415, 0.6067482066783577),
    ("rates", RATES, difference, 5000, 0.19804879693925878, 0.2708800290262618),
    ("few units", SMALL, lift, 5000, -2.2406723126379324, 2.3740056459712653),
    ("few units", SMALL, difference, 500, -0.455296206088832, 0.5219628727554986),
    ("ratios", RATIOS, lift, 5000, -0.11953153258214128, 0.165108489091515),
    ("ratios", RATIOS, difference, 5000, -0.08412021110990957, 0.11663916388309441),
)


@pytest.mark.parametrize(
    ("arms", "effect", "tuned_at", "low", "high"),
    [case[1:] for case in GBSTATS],
    ids=[f"{name} {effect.__name__} {tuned}" for name, _, effect, tuned, *_ in GBSTATS],
)
def test_intervals_are_those_of_growthbook(arms, effect, tuned_at, low, high):
    """Twelve inputs to 1e-6; the same interval tuned at half as much again misses each of them."""
    seen = effect(*arms).interval(0.05, tuned_at)
    assert seen == pytest.approx((low, high), abs=1e-6)
    other = effect(*arms).interval(0.05, tuned_at * 1.5)
    assert max(abs(other[0] - low), abs(other[1] - high)) > 1e-6


@pytest.mark.parametrize(
    ("arms", "tuned_at", "low", "high"),
    [(MEANS, 1000, -0.55844, 1.56516), (RATES, 5000, 0.40098, 0.60675)],
    ids=["test_sequential_test_runs", "test_sequential_test_runs_prop"],
)
def test_intervals_are_those_that_growthbook_publishes(arms, tuned_at, low, high):
    """The two intervals that its tests print for means and rates, to their five decimals."""
    assert lift(*arms).interval(0.05, tuned_at) == pytest.approx((low, high), abs=5.1e-6)


@pytest.mark.parametrize(
    ("value", "deviation", "n", "low", "high"),
    [
        (0.50236, 0.3093, 6461, -0.43745, 1.44217),
        (0.50338, 0.33341, 6461, -0.50969, 1.51646),
        (-0.0007, 0.00391, 200, -0.02063, 0.01923),
    ],
    ids=["test_sequential_test_runs_ra, theta 0.5", "the same, theta found", "ratio_ra"],
)
def test_the_boundary_is_that_of_three_more_published_intervals(value, deviation, n, low, high):
    """Of its tests of regression adjustment, which Grace has not: from effect and deviation.

    All are published to five decimals, so the deviation's rounding counts up to 5.1 times over.
    """
    seen = Estimate(value, deviation**2, n).interval(0.05, 5000)
    assert seen == pytest.approx((low, high), abs=1e-5 + 5.1 * 5e-6)
    other = Estimate(value, deviation**2, n).interval(0.05, 1000)
    assert other != pytest.approx((low, high), abs=1e-5 + 5.1 * 5e-6)


def test_the_interval_is_narrowest_where_it_is_tuned():
    """3.04 standard errors at n = 500, more before and after; 1.96 would be one look's."""
    widths = {n: Estimate(0.0, 1.0, n).interval()[1] for n in (60, 250, 500, 1000, 30_000)}
    assert min(widths, key=widths.__getitem__) == 500
    assert widths[500] == pytest.approx(3.035, abs=0.001)
    assert widths[30_000] < 3.6


@given(st.lists(FINITE, max_size=20), st.lists(FINITE, max_size=20))
def test_sums_of_parts_are_the_sums_of_the_whole(first, second):
    whole, parts = Sums.of(first + second), Sums.of(first) + Sums.of(second)
    assert parts.n == whole.n
    assert parts.mean == pytest.approx(whole.mean, abs=1e-6)
    assert parts.m2 == pytest.approx(whole.m2, rel=1e-6, abs=1e-3)


@given(
    st.lists(st.tuples(FINITE, FINITE), max_size=20),
    st.lists(st.tuples(FINITE, FINITE), max_size=9),
)
def test_ratio_sums_of_parts_are_those_of_the_whole(first, second):
    whole, parts = RatioSums.of(first + second), RatioSums.of(first) + RatioSums.of(second)
    assert parts.n == whole.n
    assert parts.co_moment == pytest.approx(whole.co_moment, rel=1e-6, abs=1e-2)
    assert parts.m2_denominator == pytest.approx(whole.m2_denominator, rel=1e-6, abs=1e-2)


def test_a_ratio_has_the_variance_of_its_linear_values():
    """By hand: R = 6/12, values R + (above - R below) / 4 about it."""
    linear = RatioSums.of([(1.0, 4.0), (2.0, 2.0), (3.0, 6.0)]).linear()
    assert (linear.n, linear.mean) == (3, 0.5)
    assert linear.m2 == pytest.approx(sum((gap / 4) ** 2 for gap in (-1.0, 1.0, 0.0)))


def test_failed_tasks_per_task_do_not_count_tasks_as_units():
    """Runs of ten tasks that fail together: the variance is that of 50 runs, not of 500 tasks."""
    together = RatioSums.of([(10.0 * (run % 5 == 0), 10.0) for run in range(50)]).linear()
    assert together.mean == pytest.approx(0.2)
    assert together.variance_of_mean == pytest.approx(0.2 * 0.8 / 49)


@pytest.mark.parametrize(("better", "verdict"), [("higher", "regressed"), ("lower", "improved")])
def test_a_drop_from_90_to_70_of_a_hundred_is_a_verdict(better, verdict):
    seen = judge_arms(rate(200, 0.9), rate(200, 0.7), better=better, smallest_effect=0.01, span=1.0)
    assert (seen.verdict, seen.n_control, seen.n_treatment) == (verdict, 200, 200)
    assert seen.effect == pytest.approx(-0.2)
    assert seen.interval is not None
    assert seen.interval[0] < -0.2 < seen.interval[1] < 0


def test_what_a_plain_test_would_call_significant_is_undecided():
    """2.5 standard errors: a z test at one look says yes, the confidence sequence says not yet."""
    control, treatment = rate(250, 0.9), rate(250, 0.824)
    seen = difference(control, treatment)
    assert 2.3 < abs(seen.value) / math.sqrt(seen.variance) < 2.7
    assert judge_arms(control, treatment, better="higher", smallest_effect=0.0).verdict is None


def test_arms_that_are_alike_have_no_effect():
    """20,000 units each at 90 %, and ±2 points would matter."""
    seen = judge_arms(
        rate(20_000, 0.9), rate(20_000, 0.9), better="higher", smallest_effect=0.02, span=1.0
    )
    assert seen.verdict == "no_effect"


@pytest.mark.parametrize(("n", "is_undecided"), [(FEWEST - 1, True), (FEWEST, False)])
def test_no_verdict_within_the_burn_in(n, is_undecided):
    """However far apart the arms are."""
    seen = judge_arms(rate(n, 0.9), rate(n, 0.1), better="higher", smallest_effect=0.0)
    assert (seen.verdict is None, seen.interval is None) == (is_undecided, is_undecided)
    assert seen.effect is not None


def test_lopsided_arms_need_more_units():
    assert fewest_units(30, 30) == fewest_units(40, 60) == FEWEST
    assert fewest_units(30, 70) == fewest_units(70, 30) == pytest.approx(100.8, abs=0.1)
    assert fewest_units(80, 20) == 367.5
    assert fewest_units(0, 1000) == math.inf


@pytest.mark.parametrize("arms", [([], []), ([1.0] * 50, []), ([], [1.0] * 50)])
def test_an_empty_arm_is_undecided(arms):
    """Missing data is never success."""
    seen = judge_arms(*map(Sums.of, arms), better="higher", smallest_effect=1.0)
    assert (seen.verdict, seen.effect, seen.interval) == (None, None, None)


def test_units_that_are_all_alike_prove_nothing():
    """40 successes in either arm leave 3 points open: no interval without `span`, else wide."""
    alike = Sums.of([1.0] * 40)
    assert judge_arms(alike, alike, better="higher", smallest_effect=0.03).interval is None
    seen = judge_arms(alike, alike, better="higher", smallest_effect=0.03, span=1.0)
    assert seen.verdict is None
    assert seen.interval is not None
    assert seen.interval[1] > 0.03


def test_a_single_failure_does_not_make_the_span_superfluous():
    """1 failure in 200 to none in 200: without `span` called none at ±2 points, which is open."""
    arms = (rate(200, 1.0), rate(200, 0.995))
    hasty = judge_arms(*arms, better="higher", smallest_effect=0.0225)
    assert hasty.verdict == "no_effect"
    seen = judge_arms(*arms, better="higher", smallest_effect=0.0225, span=1.0)
    assert seen.verdict is None


@given(
    st.lists(st.floats(0, 50), min_size=30, max_size=60),
    st.lists(st.floats(0, 50), min_size=30, max_size=45),
)
def test_exchanging_the_arms_exchanges_the_verdict(first, second):
    arms = Sums.of(first), Sums.of(second)
    there = judge_arms(*arms, better="higher", smallest_effect=0.0).verdict
    back = judge_arms(*arms[::-1], better="lower", smallest_effect=0.0).verdict
    assert there == back


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_finite_number_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        Sums.of([1.0, value])


@pytest.mark.parametrize(
    "wrong", [{"smallest_effect": -0.1}, {"level": 0.0}, {"level": 1.0}, {"span": 0.0}]
)
def test_limits_out_of_range_are_refused(wrong):
    plan = {"better": "higher", "smallest_effect": 0.1} | wrong
    with pytest.raises(ValueError, match="within 0 to 1"):
        judge_arms(rate(50, 0.5), rate(50, 0.5), **plan)


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="control"):
        lift(Sums.of([0.0, 0.0]), Sums.of([1.0, 2.0]))
    with pytest.raises(ValueError, match="denominator"):
        RatioSums.of([(1.0, 0.0)]).linear()


def test_sums_are_those_of_numpy():
    values = np.random.default_rng(1).lognormal(0, 1, 500)
    seen = Sums.of(values.tolist())
    assert seen.mean == pytest.approx(values.mean())
    assert seen.variance_of_mean == pytest.approx(values.var(ddof=1) / 500)
