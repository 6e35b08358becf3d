"""The promises of forecasts at small size; `python -m benchmarks.forecast` has them whole.

Claims: the 80 % intervals hold 75 to 85 % of what comes, at an interval score no worse than
naive's; errors are no larger than naive's in the geometric mean over series, and at most one series
in ten is more than 5 % worse; P(met) has more Brier skill than the running base rate and than
*already beyond*. Days of a series are much alike, so no error rate is stated: one seed, 20 series
of ten shapes, 10 days each, and 400 goals. The textbook's naive interval must fall outside 75 to
85 % on the same days, and *already beyond* must be worse than the base rate, or they would prove
nothing.
"""

import numpy as np
import pandas as pd
import pytest

from benchmarks.forecast import drawn, geometric, goals, kept, ratios, seconds, skills

SEED = 11


@pytest.fixture(scope="module")
def days():
    return pd.concat(drawn(SEED, courses=((60, 14), (90, 30)), origins=10))


@pytest.fixture(scope="module")
def told():
    return goals(SEED, 400)


def test_four_of_five_intervals_hold_and_the_textbooks_do_not(days):
    assert 0.75 <= days["ours inside"].mean() <= 0.85
    assert not 0.75 <= days["textbook inside"].mean() <= 0.85


def test_the_interval_score_is_no_worse_than_naives(days):
    assert geometric(ratios(days, "naive", "score")) <= 1
    assert geometric(ratios(days, "textbook", "score")) <= 1


def test_errors_are_no_larger_than_naives_and_seldom_larger_on_any_series(days):
    error = ratios(days, "naive", "error")
    assert len(error) == 20
    assert geometric(error) <= 1
    assert (error > 1.05).mean() <= 0.1
    assert kept(days)


def test_an_interval_of_half_the_width_would_be_found_out(days):
    """The judge can fail: the same days do not keep the promise if a quarter of them are missed."""
    assert not kept(days.assign(**{"ours inside": days["ours inside"] * 0.75}))
    assert not kept(days.assign(**{"ours score": days["naive score"] * 1.01}))


def test_p_met_is_better_than_the_base_rate_and_than_what_is_so_today(told):
    found = skills(told)
    assert {low > 0 for _, low in found.values()} == {True}
    naive = told.assign(p=told["beyond"])
    assert skills(naive)["running base rate"][0] < 0


def test_p_met_means_what_it_says(told):
    """Of goals told less than 1 in 5, at most 3 in 10 are met; above 4 in 5, at least 6 in 10."""
    unlikely, likely = told[told["p"] < 0.2], told[told["p"] > 0.8]
    assert min(len(unlikely), len(likely)) >= 30
    assert unlikely["met"].mean() < 0.3
    assert likely["met"].mean() > 0.6
    assert np.corrcoef(told["p"], told["met"])[0, 1] > 0.3


def test_two_hundred_goals_take_less_than_five_seconds():
    """CPU seconds, twenty measured, with 120 earlier forecasts each."""
    assert seconds(goals=20) * 10 < 5
