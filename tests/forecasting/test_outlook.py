"""A forecast as its caller sees it: values, intervals, chances, and what it refuses."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from benchmarks._daily import daily
from grace.forecasting import Origin, forecast


def noise(days, seed=1):
    return np.random.default_rng(seed).standard_normal(days)


def test_a_trend_goes_on_and_the_path_leads_to_the_horizon():
    found = forecast(daily(20 + 0.5 * np.arange(90) + noise(90)), 14)
    assert [step.day for step in found.path][::13] == [date(2025, 4, 1), date(2025, 4, 14)]
    last = found.path[-1]
    assert (found.value, found.low, found.high) == (last.value, last.low, last.high)
    assert found.value == pytest.approx(20 + 0.5 * 103, abs=1.5)
    assert found.low < 20 + 0.5 * 103 < found.high
    assert found.n == 90


def test_weekdays_differ_in_the_forecast_as_they_did():
    weekend = np.arange(84) % 7 > 4
    found = forecast(daily(10 - 5 * weekend + 0.3 * noise(84)), 14)
    values = np.array([step.value for step in found.path]).reshape(2, 7)
    assert values[:, :5] == pytest.approx(10, abs=1)
    assert values[:, 5:] == pytest.approx(5, abs=1)
    assert "week" in found.method


def test_a_level_with_noise_is_not_its_last_value():
    """The last day is far off the level; where naive is beaten on the past, it is not used."""
    values = 10 + noise(90)
    values[-1] = 16
    found = forecast(daily(values), 14)
    assert found.method != "last value"
    assert found.value == pytest.approx(10, abs=1.5)


def test_a_random_walk_is_forecast_by_its_last_value_and_less_surely_the_longer():
    walk = np.cumsum(noise(200, seed=3))
    found = forecast(daily(walk), 30)
    assert found.method == "last value"
    assert found.value == walk[-1]
    widths = [step.high - step.low for step in found.path]
    assert widths == sorted(widths)
    assert widths[-1] > 3 * widths[0]


def test_the_same_days_give_the_same_forecast():
    series = daily(10 + noise(60))
    assert forecast(series, 20) == forecast(series.copy(), 20)


@pytest.mark.parametrize("days", [0, 1, 7])
def test_below_eight_values_there_is_none(days):
    values = np.full(40, np.nan)
    values[:days] = 1.0
    assert forecast(daily(values), 5) is None
    values[: days + 8] = 1.0
    assert forecast(daily(values), 5).n == days + 8


def test_a_constant_stays_and_says_so_without_width():
    found = forecast(daily(np.full(40, 3.0)), 10)
    assert (found.value, found.low, found.high) == (3.0, 3.0, 3.0)
    assert found.p_beyond(3.0, "higher") > 0.9
    assert found.p_beyond(3.0, "lower") > 0.9
    assert found.p_beyond(3.1, "higher") < 0.1
    assert found.p_beyond(2.9, "lower") < 0.1


def test_days_without_a_value_are_gaps_and_not_zeros():
    values = 10 + noise(90)
    values[[3, 20, 21, 22, 23, 24, 25, 26, 60]] = np.nan
    found = forecast(daily(values), 14)
    assert found.n == 81
    assert found.value == pytest.approx(10, abs=1.5)
    assert 8 < found.low < found.high < 13


def test_a_series_that_ended_days_ago_is_less_sure_than_one_of_today():
    walk = np.cumsum(noise(100, seed=4))
    stale = np.append(walk, np.full(10, np.nan))
    late, fresh = forecast(daily(stale), 5), forecast(daily(walk), 5)
    assert late.path[0].day == date(2025, 1, 1) + pd.Timedelta(days=110)
    assert late.value == pytest.approx(fresh.value)
    assert late.high - late.low > 1.3 * (fresh.high - fresh.low)


def test_a_rate_stays_within_its_bounds():
    rates = np.clip(0.97 + 0.04 * noise(60), 0, 1)
    free, cut = forecast(daily(rates), 30), forecast(daily(rates), 30, bounds=(0.0, 1.0))
    assert free.high > 1
    assert cut.high == 1
    assert cut.low == free.low
    assert all(0 <= step.low <= step.value <= step.high <= 1 for step in cut.path)


def test_p_says_how_far_the_target_is():
    found = forecast(daily(10 + noise(90)), 14)
    told = [found.p_beyond(target, "higher") for target in (5, 9, 10, 11, 15)]
    assert told == sorted(told, reverse=True)
    assert told[0] > 0.98
    assert 0.3 < told[2] < 0.7
    assert told[-1] < 0.02
    for target in (9, 10.5):
        both = found.p_beyond(target, "higher") + found.p_beyond(target, "lower")
        assert both == pytest.approx(1, abs=0.02)


def test_p_needs_four_weeks_of_values():
    values = 10 + noise(40)
    values[5:18] = np.nan
    assert forecast(daily(values), 14).p_beyond(10, "higher") is None
    values[17] = 10.0
    assert forecast(daily(values), 14).p_beyond(10, "higher") is not None


def test_a_rate_that_mostly_is_at_its_target_keeps_its_chance():
    """Ties count: 1.0 on nine days of ten is met with about that chance, not with a half."""
    rates = np.ones(100)
    rates[::10] = 0.9
    found = forecast(daily(rates), 14, bounds=(0.0, 1.0))
    assert found.p_beyond(1.0, "higher") > 0.7


@pytest.mark.parametrize(
    ("series", "horizon"),
    [
        (daily(noise(30)), 0),
        (pd.Series(noise(30)), 5),
        (daily(noise(30)).iloc[::2], 5),
        (daily(noise(30)).iloc[::-1], 5),
        (daily(noise(30)).shift(freq="3h"), 5),
    ],
    ids=["no horizon", "no days", "days lack", "backwards", "not midnights"],
)
def test_what_is_no_series_of_days_is_refused(series, horizon):
    with pytest.raises(ValueError, match="day"):
        forecast(series, horizon)


def test_the_origin_survives_json_and_is_of_today():
    import json

    found = forecast(daily(10 + noise(50)), 20)
    told = json.loads(json.dumps(found.origin.as_json()))
    assert Origin.from_json(told) == found.origin
    assert found.origin.day == date(2025, 2, 19)
    assert [mark.lead_days for mark in found.origin.marks] == [1, 3, 7, 14, 20]
    assert found.origin.marks[-1].value == found.value
