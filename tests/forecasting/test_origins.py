"""Past forecasts held against what came, and what that does to the next interval."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from benchmarks._daily import daily
from grace.forecasting import Origin, forecast
from grace.forecasting.origins import FEWEST, Mark, track_record

TODAY = date(2026, 3, 1)


def told(days_ago, low=-1.0, high=1.0, lead=2, widening=1.0):
    marks = (Mark(lead, 0.0, low, high), Mark(400, 0.0, low, high))
    return Origin(TODAY - timedelta(days=days_ago), "last value", widening, marks)


def came(values, first_days_ago=60):
    """The values of consecutive days from so many days ago."""
    first = TODAY - timedelta(days=first_days_ago)
    return {first + timedelta(days=i): value for i, value in enumerate(values)}


def test_only_what_came_due_counts_and_nothing_due_is_no_coverage():
    assert track_record([told(1)], came([0.0] * 60), 0.8) == track_record([], {}, 0.8)
    found = track_record([told(days) for days in range(1, 31)], came([0.5] * 60), 0.8)
    assert (found.n, found.coverage, found.widening) == (28, 1.0, 1.0)


def test_coverage_is_the_share_inside():
    values = [5.0 if day % 2 else 0.5 for day in range(60)]
    found = track_record([told(days) for days in range(10, 30)], came(values), 0.8)
    assert (found.n, found.coverage) == (20, 0.5)


def test_the_longest_lead_that_came_due_is_the_one_that_counts():
    origin = replace(told(20), marks=(Mark(1, 0, -9, 9), Mark(7, 0, -1, 1), Mark(30, 0, -9, 9)))
    assert track_record([origin], came([5.0] * 60), 0.8).coverage == 0.0


def test_two_forecasts_of_one_day_are_one():
    assert track_record([told(20), told(20)], came([0.0] * 60), 0.8).n == 1


def test_the_interval_is_widened_only_after_enough_and_only_where_it_falls_short():
    """Errors of 3 where 1 was promised: by more, the longer it goes on, and never beyond 3."""
    short = came([3.0] * 60)
    few = [track_record([told(3 + i) for i in range(n)], short, 0.8) for n in (FEWEST - 1, FEWEST)]
    assert few[0].widening == 1.0
    many = track_record([told(3 + i) for i in range(55)], short, 0.8)
    assert 1.0 < few[1].widening < many.widening < 3.0
    assert many.coverage == 0.0


def test_forecasts_of_long_leads_overlap_and_are_believed_less():
    short = came([3.0] * 60)
    near = track_record([told(40 + i, lead=1) for i in range(20)], short, 0.8)
    far = track_record([told(40 + i, lead=20) for i in range(20)], short, 0.8)
    assert near.n == far.n == 20
    assert 1.0 < far.widening < near.widening


def test_what_was_widened_already_is_not_widened_again_for_the_same_error():
    """Intervals of 1, shown as 3: errors of 2.9 held, and still need the widening they had."""
    shown = [told(3 + i, low=-3.0, high=3.0, widening=3.0) for i in range(50)]
    bare = [told(3 + i) for i in range(50)]
    values = came([2.9] * 60)
    held, missed = track_record(shown, values, 0.8), track_record(bare, values, 0.8)
    assert (held.coverage, missed.coverage) == (1.0, 0.0)
    assert held.widening == pytest.approx(missed.widening)


def test_an_interval_without_width_that_missed_does_not_widen_without_end():
    flat = [told(3 + i, low=0.0, high=0.0) for i in range(50)]
    assert track_record(flat, came([1.0] * 60), 0.8).widening < 5.0


def test_a_series_that_becomes_wilder_is_forecast_less_surely_for_having_been_wrong():
    """Quiet for 60 days, four times as wild for 60 more: with its origins the coverage is known
    and the interval is wider than without them."""
    rng = np.random.default_rng(5)
    steps = np.append(rng.standard_normal(60), 4 * rng.standard_normal(60))
    series, kept = daily(100 + np.cumsum(steps)), []
    for day in range(40, 120):
        kept.append(forecast(series.iloc[:day], 7, origins=kept).origin)
    known, unknown = forecast(series, 7, origins=kept), forecast(series, 7)
    assert unknown.coverage is None
    assert unknown.coverage_n == 0
    assert known.coverage < 0.75
    assert known.coverage_n == 80
    assert known.value == unknown.value
    assert known.high - known.low > 1.1 * (unknown.high - unknown.low)
    target = unknown.high + 1
    assert known.p_beyond(target, "higher") > unknown.p_beyond(target, "higher")


def test_json_that_is_no_origin_is_refused():
    with pytest.raises((KeyError, TypeError, ValueError)):
        Origin.from_json({"day": "yesterday"})
