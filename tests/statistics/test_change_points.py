"""Since when: what a change point is, and what does not make one."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from grace.statistics.change_points import change_points, long_run_variance, since_when

DAY = 24


def hourly(values, start="2026-03-02 00:00", zone="UTC"):
    """A Monday, unless told otherwise."""
    return pd.Series(values, index=pd.date_range(start, periods=len(values), freq="h", tz=zone))


def test_a_step_without_noise_is_found_at_its_hour():
    values = np.repeat([2.0, 5.0], [50, 70])
    assert change_points(values) == [50]
    assert since_when(hourly(values)) == datetime(2026, 3, 4, 2, tzinfo=UTC)


def test_of_two_steps_the_last_tells_since_when():
    noise = np.random.default_rng(3).standard_normal(150)
    values = noise + np.repeat([0.0, 5.0, -5.0], 50)
    assert change_points(values) == [50, 100]
    assert since_when(hourly(values)) == datetime(2026, 3, 6, 4, tzinfo=UTC)


@pytest.mark.parametrize("values", [[], [1.0] * 19, [7.0] * 200, [np.nan] * 60])
def test_too_little_or_always_the_same_tells_nothing(values):
    assert change_points(np.array(values, dtype=float)) == []
    assert since_when(hourly(values)) is None


def test_fewer_than_ten_points_are_no_segment():
    """Nine bad hours and back, however bad, are an event; ten are a segment."""
    noise = np.random.default_rng(4).standard_normal(120)
    for hours, expected in ((9, False), (10, True)):
        values = noise.copy()
        values[-hours:] += 30
        assert (change_points(values) == [120 - hours]) is expected


def test_one_outlier_neither_makes_nor_hides_a_change():
    noise = np.random.default_rng(5).standard_normal(168)
    noise[40] = 1e6
    assert change_points(noise) == []
    shifted = noise + 3 * (np.arange(168) >= 100)
    (found,) = change_points(shifted)
    assert abs(found - 100) <= 3


def test_hours_without_a_value_keep_the_others_in_their_place():
    """Nights without runs, and a step in the middle: found at the hour, not at the row."""
    values = np.random.default_rng(6).standard_normal(168) + 4 * (np.arange(168) >= 82)
    there = np.arange(168) % DAY >= 8
    assert change_points(np.where(there, values, np.nan)) == [82]
    series = hourly(values)[there]
    assert since_when(series) == datetime(2026, 3, 5, 10, tzinfo=UTC)
    assert since_when(series.sample(frac=1, random_state=1)) == since_when(series)


def test_the_answer_is_in_utc_whatever_the_zone_of_the_series():
    values = np.repeat([2.0, 5.0], 60)
    here = hourly(values)
    assert since_when(here.tz_convert("Asia/Kolkata").tz_convert("Asia/Tokyo")) == since_when(here)
    assert since_when(here.tz_localize(None)) == since_when(here)
    assert since_when(here).utcoffset().total_seconds() == 0


@pytest.mark.parametrize("start", ["2026-03-02 00:00", "2026-03-05 13:00"])
def test_three_weeks_tell_a_weekend_from_a_change(start):
    """From any hour of the week; the change that is there as well is found beside it."""
    days = pd.date_range(start, periods=21 * DAY, freq="h", tz="UTC")
    weekend = np.where(days.day_of_week >= 5, -4.0, 0.0)
    values = np.random.default_rng(7).standard_normal(21 * DAY) + weekend
    assert since_when(pd.Series(values, index=days)) is None
    values += 2 * (np.arange(21 * DAY) >= 300)
    found = since_when(pd.Series(values, index=days))
    assert abs((found - days[300].to_pydatetime()).total_seconds()) <= 10 * 3600


def test_a_single_week_cannot_tell_a_weekend_from_a_change():
    values = np.random.default_rng(8).standard_normal(168) - 4.0 * (np.arange(168) >= 120)
    assert since_when(hourly(values)) == datetime(2026, 3, 7, tzinfo=UTC)


def test_the_long_run_variance_of_an_autoregression_is_what_theory_says():
    """AR(1) 0.5 of variance 1: (1 + r) / (1 - r) = 3; shifts hardly move it; n = 20,000, seed 9."""
    rng, r = np.random.default_rng(9), 0.5
    values = np.zeros(20_000)
    for i, step in enumerate(rng.standard_normal(20_000) * np.sqrt(1 - r * r)):
        values[i] = r * values[i - 1] + step
    assert long_run_variance(values) == pytest.approx(3, rel=0.1)
    shifted = values + 3 * (np.arange(20_000) // 2000 % 2)
    assert long_run_variance(shifted) == pytest.approx(3, rel=0.1)
    assert shifted.var() > 2.5
