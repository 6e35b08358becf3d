"""What daily means before and after a change say, at the two looks fixed in advance."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, ttest_ind

from benchmarks.before_after import chain
from benchmarks.switchback import autoregressive
from grace.statistics.before_after import LOOKS, DaysJudgement, judge_days, lag_one

N = 400
BOUND = int(binom.ppf(0.999, N, 0.10))
STEADY = [10.0, 10.5, 9.5, 10.2, 9.8, 10.4, 9.6] * 2


def judged(before, after, *, better="lower", smallest_effect=0.0) -> DaysJudgement:
    return judge_days(before, after, better=better, smallest_effect=smallest_effect)


@pytest.mark.parametrize(("better", "verdict"), [("lower", "improved"), ("higher", "regressed")])
def test_a_week_that_is_surely_lower_is_a_verdict(better, verdict):
    seen = judged(STEADY, [day - 3 for day in STEADY[:7]], better=better)
    assert (seen.verdict, seen.days_before, seen.days_after) == (verdict, 14, 7)
    assert seen.effect == pytest.approx(-3)
    assert seen.interval is not None
    assert seen.interval[0] < -3 < seen.interval[1] < 0


def test_the_evidence_is_called_weak():
    """Whatever it says: nothing was drawn by chance."""
    assert judged(STEADY, [day - 3 for day in STEADY[:7]]).evidence == "weak"
    assert judged(STEADY, []).evidence == "weak"


def test_days_between_the_looks_are_not_looked_at():
    """Six days, however clear, are no look; the tenth day gives what the seventh gave."""
    assert judged(STEADY, [1.0] * 6).verdict is None
    at_seven = judged(STEADY, STEADY[:7])
    assert at_seven.verdict is None
    assert judged(STEADY, [*STEADY[:7], 1.0, 1.1, 0.9]) == at_seven


def test_the_last_look_ends_it():
    seen = judged(STEADY, STEADY)
    assert (seen.verdict, seen.days_after) == ("insufficient_data", 14)


def test_days_within_the_smallest_effect_are_no_effect():
    assert judged(STEADY, STEADY[:7], smallest_effect=1.0).verdict == "no_effect"


def test_the_first_verdict_stays():
    """Improved after a week, whatever the second week brings."""
    first = judged(STEADY, [day - 3 for day in STEADY[:7]])
    assert judged(STEADY, [day - 3 for day in STEADY[:7]] + [50.0] * 7) == first


def test_the_interval_without_autocorrelation_is_students():
    """By SciPy's t test of equal variances, at 5 % for each of the two looks."""
    rng = np.random.default_rng(4)
    before, after = (np.tile([1.0, -1.0], 7) + rng.normal(0, 0.1, 14) for _ in range(2))
    seen = judged(before.tolist(), after[:7].tolist())
    ends = ttest_ind(after[:7], before).confidence_interval(0.95)
    assert seen.autocorrelation == 0
    assert seen.interval == pytest.approx((ends.low, ends.high))


def test_days_that_are_alike_widen_the_interval():
    """The same values in long waves and in turn."""
    waves = [0.0, 1, 2, 3, 2, 1, 0] * 2
    turns = [0.0, 3, 0, 2, 1, 2, 1] * 2
    wide, narrow = judged(waves, waves[:7]), judged(turns, turns[:7])
    assert wide.autocorrelation is not None
    assert wide.autocorrelation > 0.4
    assert narrow.autocorrelation == 0
    assert wide.interval is not None
    assert narrow.interval is not None
    assert wide.interval[1] > 1.5 * narrow.interval[1]


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_the_autocorrelation_is_about_right(correlation):
    """2,000 series of 14 and 14 days, seed 2: its mean is within 0.1 (clipped at 0: above)."""
    series = autoregressive(np.random.default_rng(2), 2000, correlation, 28)
    seen = np.mean([lag_one((row[:14].tolist(), row[14:].tolist())) for row in series])
    assert correlation - 0.08 < seen < correlation + 0.12


@pytest.mark.parametrize(
    ("missing_before", "missing_after", "is_enough"), [(4, 2, True), (5, 0, False), (0, 3, False)]
)
def test_days_without_data_are_too_few_at_some_point(missing_before, missing_after, is_enough):
    """Ten of fourteen and five of seven suffice; with fewer there is nothing to compare."""
    before = [None] * missing_before + STEADY[missing_before:]
    after = [None] * missing_after + [day - 3 for day in STEADY[missing_after:7]]
    seen = judged(before, after)
    assert (seen.interval is not None, seen.verdict) == (
        (True, "improved") if is_enough else (False, None)
    )


def test_no_data_at_all_are_insufficient():
    """Missing data is never success."""
    assert judged([None] * 14, [None] * 14, smallest_effect=9.0).verdict == "insufficient_data"


def test_days_that_never_vary_prove_nothing():
    assert judged([1.0] * 14, [1.0] * 14, smallest_effect=1.0).verdict == "insufficient_data"


@given(st.lists(st.none() | st.floats(-9, 9), min_size=7, max_size=20))
def test_better_and_worse_mirror_each_other(after):
    there = judged(STEADY, after, better="lower").verdict
    back = judged(
        [-day for day in STEADY],
        [None if day is None else -day for day in after],
        better="higher",
    ).verdict
    assert there == back


@pytest.mark.parametrize(
    ("before", "after", "smallest"),
    [(STEADY[:13], [], 0.0), (STEADY, [math.nan], 0.0), (STEADY, [], -1.0)],
)
def test_what_is_out_of_range_is_refused(before, after, smallest):
    with pytest.raises(ValueError, match="day"):
        judged(before, after, smallest_effect=smallest)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_a_change_that_does_nothing_seldom_gets_a_verdict(correlation):
    """Null: AR(1) from hour to hour, n = 400, seed 6. Error: *improved* or *regressed*, 10 %.

    At a true rate of 10 %, more than 60 come less than once in a thousand seeds. A plain t test of
    the same days at both looks has more where days are alike.
    """
    hours = autoregressive(np.random.default_rng(6), N, correlation, 28 * 24)
    wrong = naive = 0
    for days in hours.reshape(N, 28, 24).mean(axis=2).tolist():
        wrong += judged(days[:14], days[14:]).verdict in ("improved", "regressed")
        naive += any(ttest_ind(days[:14], days[14 : 14 + look]).pvalue < 0.05 for look in LOOKS)
    assert wrong <= BOUND == 60
    assert (naive > BOUND) == (correlation == 0.9)


def test_the_whole_chain_without_an_effect_seldom_ends_in_a_verdict():
    """Gate, answer, two weeks, at 0.9 an hour: n = 60, at most 14 wrong; a z test, most of them."""
    verdicts, naive = chain(0.9, 2.0, 60)
    assert verdicts.total() == 60
    assert binom.sf(14, 60, 0.10) < 0.001
    assert verdicts["improved"] + verdicts["regressed"] <= 14
    assert naive > 30
