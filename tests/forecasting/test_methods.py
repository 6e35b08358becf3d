"""Each way to forecast, by what it would have said on past days."""

import numpy as np
import pytest

from grace.forecasting.methods import filled, methods, slope, smoothed


def by_name(values):
    return {method.name: method for method in methods(np.asarray(values, dtype=float))}


def said(method, day, *leads):
    return method.at(np.array([day]), np.array(leads, dtype=float))[0]


def test_the_first_is_naive():
    first = next(methods(np.array([1.0, 2.0, np.nan, 4.0])))
    assert first.name == "last value"
    assert said(first, 2, 1, 50).tolist() == [2.0, 2.0]


def test_nothing_looks_beyond_its_day():
    """What any method said on day 50 is the same whatever came after."""
    rng = np.random.default_rng(1)
    past, days = rng.standard_normal(51), np.arange(20, 51)
    one, other = (np.append(past, rng.standard_normal(40) + far) for far in (0, 100))
    leads = np.array([1.0, 5.0, 30.0])
    told = zip(methods(one), methods(other), strict=True)
    for first, second in told:
        np.testing.assert_allclose(first.at(days, leads), second.at(days, leads), atol=1e-9)


def test_a_straight_line_is_carried_on_by_those_that_know_trends():
    found = by_name(3 + 2 * np.arange(60.0))
    assert said(found["drift"], 59, 10)[0] == pytest.approx(3 + 2 * 69)
    name = "trend of all days (0.35 a day)"
    assert said(found[name], 59, 10)[0] == pytest.approx(3 + 2 * 69, abs=0.1)
    damped = said(found["damped trend (0.35 a day)"], 59, 10, 1000)
    assert 3 + 2 * 64 < damped[0] < 3 + 2 * 69
    assert damped[1] < 3 + 2 * 100


def test_weekdays_are_carried_on_by_those_that_know_weekdays():
    week = np.array([5.0, 5, 5, 5, 5, 1, 0])
    found = by_name(np.tile(week, 12))
    ahead = np.arange(1.0, 15.0)
    assert said(found["same weekday last week"], 83, *ahead).tolist() == np.tile(week, 2).tolist()
    told = said(found["last value, with weekdays"], 83, *ahead)
    np.testing.assert_allclose(told, np.tile(week, 2), atol=0.7)


def test_weekdays_are_not_looked_for_before_three_weeks():
    assert not any("week" in name for name in by_name(np.arange(20.0)))
    assert any("week" in name for name in by_name(np.arange(21.0)))


def test_the_smoothed_level_is_the_weighted_mean_of_what_is_there():
    values = np.array([1.0, np.nan, 4.0, 2.0])
    weights = 0.7 ** np.array([3.0, 1.0, 0.0])
    expected = (weights * [1.0, 4.0, 2.0]).sum() / weights.sum()
    assert smoothed(values, 0.3)[-1] == pytest.approx(expected)
    assert smoothed(values, 0.0)[-1] == pytest.approx(7 / 3)


@pytest.mark.parametrize("window", [5, 28, 100])
def test_the_slope_is_that_of_least_squares(window):
    rng = np.random.default_rng(2)
    values = rng.standard_normal(100).cumsum()
    values[[40, 41, 97]] = np.nan
    days = np.arange(100)[-window:]
    there = ~np.isnan(values[-window:])
    expected = np.polyfit(days[there], values[-window:][there], 1)[0]
    assert slope(values, window)[-1] == pytest.approx(expected)


def test_a_gap_holds_the_last_value():
    assert filled(np.array([1.0, np.nan, np.nan, 2.0])).tolist() == [1.0, 1.0, 1.0, 2.0]
