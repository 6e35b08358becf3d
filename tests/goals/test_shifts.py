"""When a level has shifted: two days that agree are needed, and one strange day is none."""

from math import nan

import numpy as np
import pytest

from grace.goals.shifts import noise_of, regime_of

STEADY = [0.90, 0.91, 0.89, 0.90, 0.92, 0.89, 0.90, 0.91, 0.88, 0.90]


def test_a_steady_level_is_one_regime() -> None:
    found = regime_of(STEADY, 0.012, 0.05)
    assert (found.start, found.shifted, found.n) == (0, 0, 10)
    assert found.level == pytest.approx(0.90)


def test_two_days_tell_of_a_shift_and_where_it_began() -> None:
    found = regime_of([*STEADY, 0.84, 0.85], 0.012, 0.05)
    assert (found.start, found.shifted, found.told) == (10, -1, 11)
    assert found.level == pytest.approx(0.845)


@pytest.mark.parametrize("strange", [0.0, 1.0, 1e9])
def test_a_single_day_is_never_a_shift(strange: float) -> None:
    assert regime_of([*STEADY, strange], 0.012, 0.05).shifted == 0


def test_nothing_is_told_of_a_way_back_before_the_new_level_is_known() -> None:
    values = [*STEADY, 0.84, 0.85]
    assert regime_of([*values, 0.9, 0.9, 0.9], 0.012, 0.05).shifted == -1
    assert regime_of([*values, *[0.85] * 5, 0.9, 0.9], 0.012, 0.05).shifted == 1


def test_a_day_without_a_value_says_nothing() -> None:
    with_gaps = [value for each in STEADY for value in (each, nan)]
    assert regime_of(with_gaps, 0.012, 0.05).level == pytest.approx(0.90)
    assert regime_of([nan], 0.012, 0.05) is None


def test_noise_is_hardly_touched_by_a_shift() -> None:
    """Within a fifth, where the spread about the mean is more than doubled."""
    values = np.random.default_rng(1).normal(0.9, 0.01, 60)
    shifted = values - 0.05 * (np.arange(60) >= 30)
    assert noise_of(list(shifted)) == pytest.approx(noise_of(list(values)), rel=0.2)
    assert shifted.std() > 2 * values.std()
    assert noise_of([1.0] * 7) is None
