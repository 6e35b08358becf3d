"""What one stream has shown: the answer of the gate, unit by unit."""

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from grace.statistics.betting import STAKES
from grace.statistics.evidence import Evidence, Gate, weigh

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
RATE = Gate(0.85, "rate_below")
WAIT = Gate(2.0, "mean_above")


def weigh_hourly(values, gate=RATE, *, now=None, **how) -> Evidence:
    """One unit an hour from BEGIN on, weighed at the last one."""
    times = [BEGIN + HOUR * hour for hour in range(len(values))]
    return weigh(times, values, gate, now or (times[-1] if times else BEGIN), **how)


def test_the_default_gate_needs_evidence_of_1200():
    """Sixty starts in 30 days share a level of 5 %: each raises at 60 / 0.05."""
    assert (RATE.level, RATE.starts, RATE.start_every_hours, RATE.needed) == (0.05, 60, 12, 1200)


def test_a_rate_is_bet_on_as_its_shortfall():
    """The e-value of units x is the mean over stakes g of prod(1 + g / (1 - m) (m - x))."""
    seen = [0.2, 0.9, 0.5]
    grid = STAKES / (1 - 0.85)
    by_hand = np.mean([math.prod(1 + g * (0.85 - x) for x in seen) for g in grid])
    assert weigh_hourly(seen).e_value == pytest.approx(by_hand)


def test_a_stream_without_units_shows_nothing():
    """No window, no mean, no interval, and evidence of 1."""
    shown = weigh_hourly([])
    assert (shown.crossed, shown.units, shown.e_value) == (False, 0, 1.0)
    assert (shown.window, shown.mean, shown.interval, shown.units_missing) == (None,) * 4


def test_one_bad_run_raises_nothing():
    """A single run that failed wholly is worth at most the inverse of the largest loss share."""
    shown = weigh_hourly([0.0])
    assert not shown.crossed
    assert shown.units == 1
    assert 1 < shown.e_value < 1 / (1 - RATE.threshold)


def test_runs_that_all_fail_raise_at_the_fifth():
    """Five wholly failed runs where 85 % is asked cross 1200, and the window ends at the fifth."""
    shown = weigh_hourly([0.0] * 8)
    assert (shown.crossed, shown.units, shown.units_missing) == (True, 5, 0)
    assert shown.window == (BEGIN, BEGIN + 4 * HOUR)
    assert (shown.mean, shown.e_value > 1200) == (0.0, True)


def test_four_failed_runs_say_that_one_more_is_missing():
    """What is missing is stated in runs: 4 of 5."""
    shown = weigh_hourly([0.0] * 4)
    assert (shown.crossed, shown.units, shown.units_missing) == (False, 4, 1)


@pytest.mark.parametrize("values", [[1.0] * 50, [0.85] * 50, [0.9, 1.0, 0.8] * 20])
def test_a_good_stream_says_that_no_number_of_units_would_do(values):
    """At or above the threshold nothing grows, so nothing is missing but a reason."""
    shown = weigh_hourly(values)
    assert (shown.crossed, shown.units_missing) == (False, None)


def test_the_units_missing_are_those_that_cross():
    """With so many more units of the same kind it crosses, with one less it does not."""
    missing = weigh_hourly([0.7] * 6).units_missing
    assert missing > 1
    assert weigh_hourly([0.7] * (6 + missing)).crossed
    assert not weigh_hourly([0.7] * (6 + missing - 1)).crossed


def test_waits_of_zero_show_nothing():
    """A mean above the threshold has no evidence in zeros, and its interval begins at 0."""
    shown = weigh_hourly([0.0] * 30, WAIT)
    assert (shown.crossed, shown.mean, shown.interval) == (False, 0.0, (0.0, math.inf))
    assert shown.units_missing is None


def test_the_greatest_float_is_weighed_without_a_warning():
    """One absurd wait crosses, with finite evidence and a finite lower limit."""
    shown = weigh_hourly([1.0, np.finfo(float).max], WAIT)
    assert shown.crossed
    assert math.isfinite(shown.e_value)
    assert 2.0 < shown.interval[0] < shown.interval[1] == math.inf


@pytest.mark.parametrize(
    ("gate", "bad"),
    [(RATE, -0.01), (RATE, 1.01), (WAIT, -0.01), (WAIT, math.inf)]
    + [(gate, math.nan) for gate in (RATE, WAIT)],
)
def test_values_that_the_kind_excludes_are_refused(gate, bad):
    """Rates outside [0, 1], negative or infinite waits and NaN never become evidence."""
    with pytest.raises(ValueError, match="must be numbers from 0"):
        weigh_hourly([0.5, bad], gate)


def test_times_without_a_zone_are_refused():
    """Naive times are refused wherever they stand, `now` and `origin` included."""
    naive = BEGIN.replace(tzinfo=None)
    for times, now, origin in (
        ([naive], BEGIN, BEGIN),
        ([BEGIN], naive, BEGIN),
        ([BEGIN], BEGIN, naive),
    ):
        with pytest.raises(ValueError, match="aware"):
            weigh(times, [0.5], RATE, now, origin=origin)


def test_units_out_of_order_are_refused():
    """A stream is a course of time, and evidence depends on it."""
    with pytest.raises(ValueError, match="order of time"):
        weigh([BEGIN + HOUR, BEGIN], [0.5, 0.5], RATE, BEGIN + HOUR)


def test_a_value_too_few_is_refused():
    """Each unit has one time and one value."""
    with pytest.raises(ValueError, match="2 times"):
        weigh([BEGIN, BEGIN + HOUR], [0.5], RATE, BEGIN + HOUR)


def test_zones_only_name_the_same_moments():
    """The same moments in another zone bear the same evidence and the same window."""
    values = [0.3] * 20
    times = [BEGIN + HOUR * hour for hour in range(20)]
    abroad = [moment.astimezone(timezone(timedelta(hours=5, minutes=30))) for moment in times]
    assert weigh(abroad, values, RATE, times[-1]) == weigh(times, values, RATE, times[-1])


def test_a_look_sees_only_what_was_there():
    """Units after `now` do not count, so that a look can be made again later."""
    values = [0.4] * 40
    times = [BEGIN + HOUR * hour for hour in range(40)]
    early = weigh(times, values, RATE, times[2])
    assert early == weigh(times[:3], values[:3], RATE, times[2])
    assert (early.units, early.crossed) == (3, False)


def test_a_raise_stays_whatever_comes_later():
    """The look that first crosses and every later one tell the same window and evidence."""
    values = [0.0] * 6 + [1.0] * 200
    looks = [weigh_hourly(values[:count]) for count in range(1, len(values) + 1)]
    first = next(look for look in looks if look.crossed)
    assert looks.index(first) == 4
    assert {(look.window, look.units, look.e_value) for look in looks[4:]} == {
        (first.window, first.units, first.e_value)
    }


def test_a_process_that_starts_later_sees_a_change_that_the_first_one_buried():
    """After ten good days, the window of the raise begins at the half day of the change."""
    shown = weigh_hourly([1.0] * 240 + [0.3] * 24)
    assert shown.crossed
    assert shown.window == (BEGIN + 240 * HOUR, BEGIN + (240 + shown.units - 1) * HOUR)
    assert shown.mean == pytest.approx(0.3)


def test_starts_count_from_the_origin_and_not_from_the_units():
    """Starts 12 h apart fall on hours 12 and 24, or, with an origin 7 h earlier, on 5 and 17."""
    values = [1.0] * 20 + [0.3] * 24
    moved = weigh_hourly(values, origin=BEGIN - 7 * HOUR)
    assert weigh_hourly(values).window[0] == BEGIN + 24 * HOUR
    assert moved.window[0] == BEGIN + 17 * HOUR


def test_units_before_the_origin_do_not_count():
    """A stream that begins anew after an action forgets what was before it."""
    shown = weigh_hourly([0.0] * 10 + [1.0] * 10, origin=BEGIN + 10 * HOUR)
    assert (shown.crossed, shown.units, shown.mean) == (False, 10, 1.0)


def test_after_thirty_days_the_oldest_starts_are_dropped():
    """Sixty starts at a time: a raise of long ago is no longer the answer, a new one is."""
    values = [0.0] * 10 + [1.0] * (31 * 24)
    assert weigh_hourly(values[: 20 * 24]).crossed
    assert not weigh_hourly(values).crossed


def test_now_before_the_first_unit_shows_nothing():
    """A stream whose origin lies ahead has no process yet."""
    shown = weigh_hourly([0.0] * 10, now=BEGIN - HOUR)
    assert (shown.crossed, shown.units, shown.stream_e_value) == (False, 0, 0.0)


@pytest.mark.parametrize(
    ("values", "gate"),
    [
        ([0.0] * 30, RATE),
        ([0.6, 0.9] * 30, RATE),
        ([0.84] * 30, RATE),
        ([9.0] * 30, WAIT),
        ([1.0, 3.0, 2.5] * 9, WAIT),
    ],
)
def test_the_interval_excludes_the_threshold_exactly_when_it_crossed(values, gate):
    """Gate and interval are one statement; the interval holds the mean of its window."""
    shown = weigh_hourly(values, gate)
    low, high = shown.interval
    assert low <= shown.mean <= high
    assert (not low <= gate.threshold <= high) == shown.crossed


def test_the_e_value_of_a_stream_falls_when_the_stream_recovers():
    """Unlike the raise, what counts for choosing between streams is how things stand now."""
    bad, recovered = (weigh_hourly([0.0] * 10 + [1.0] * good) for good in (0, 30))
    assert bad.crossed
    assert recovered.crossed
    assert bad.stream_e_value > 1e5
    assert recovered.stream_e_value < bad.stream_e_value / 1e6


def test_the_e_value_of_a_stream_is_the_mean_over_all_sixty_processes():
    """Before any unit, 1 of 60 processes stands at 1; after 13 idle hours 2 of 60 do."""
    assert weigh_hourly([]).stream_e_value == pytest.approx(1 / 60)
    idle = weigh([], [], RATE, BEGIN + 13 * HOUR, origin=BEGIN)
    assert idle.stream_e_value == pytest.approx(2 / 60)


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 0.0},
        {"threshold": 1.0},
        {"threshold": math.nan},
        {"threshold": math.inf, "kind": "mean_above"},
        {"level": 0.0},
        {"level": 1.0},
        {"starts": 0},
        {"start_every_hours": 0.0},
    ],
)
def test_a_gate_that_means_nothing_is_refused(wrong):
    """Thresholds at the edge, levels outside 0 to 1, and no starts at all."""
    with pytest.raises(ValueError, match="must lie between"):
        Gate(**{"threshold": 0.85, "kind": "rate_below", **wrong})
