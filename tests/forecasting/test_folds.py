"""The choice: on earlier days, held to on later ones, and naive in doubt."""

import numpy as np
import pytest

from grace.forecasting.folds import back_tests, choose
from grace.forecasting.methods import methods


def test_errors_are_what_came_less_what_was_said():
    values = np.arange(40.0) ** 2
    (errors,), days, leads = back_tests(values, 5, [next(methods(values))])
    assert leads.tolist() == [1, 2, 3, 4, 5]
    for place, day in enumerate(days):
        for lead, error in zip(leads.astype(int), errors[place], strict=True):
            if day + lead < 40:
                assert error == values[day + lead] - values[day]
            else:
                assert np.isnan(error)


def test_days_without_a_value_are_neither_origins_nor_targets():
    values = np.arange(40.0)
    values[[20, 30]] = np.nan
    (errors,), days, leads = back_tests(values, 3, [next(methods(values))])
    assert not {20, 30} & set(days.tolist())
    targets = days[:, None] + leads
    assert np.isnan(errors[np.isin(targets, [20, 30])]).all()


def test_leads_reach_no_further_than_half_of_the_series():
    assert choose(np.random.default_rng(1).standard_normal(40), 90).leads[-1] == 19
    assert choose(np.random.default_rng(1).standard_normal(400), 90).leads[-1] == 90


def test_below_two_weeks_of_back_tests_naive_is_used():
    assert choose(10 + np.random.default_rng(2).standard_normal(18), 5).method.name == "last value"


def test_what_was_best_and_no_longer_is_gives_way_to_naive():
    """A level for 85 days, then steps away from it: a mean wins on the earlier days, all of them
    before the border, and loses on the later ones."""
    rng = np.random.default_rng(3)
    level = 10 + rng.standard_normal(120)
    assert choose(level[:85], 7).method.name != "last value"
    left = level.copy()
    left[85:] = left[84] + 3 * np.cumsum(rng.choice([-1, 2], 35))
    assert choose(left, 7).method.name == "last value"


@pytest.mark.parametrize("days", [8, 9, 27, 100])
def test_a_constant_is_naive(days):
    assert choose(np.full(days, 2.0), 10).method.name == "last value"
