"""Errors of the past as the distribution of the next one."""

import numpy as np
import pytest

from grace.forecasting.spread import spread

LEADS = np.array([1.0, 2, 3, 5, 7, 10, 14])


def walk_errors(days=4000, seed=1):
    """Of the naive method on independent random walks: a day and lead each."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((days, LEADS.size)) * np.sqrt(LEADS)


def test_a_random_walk_grows_with_the_root_beyond_what_was_tried():
    found = spread(walk_errors(), LEADS)
    low, high = found.interval(np.array([1.0, 14.0, 56.0]))
    np.testing.assert_allclose(high, 1.2816 * np.sqrt([1, 14, 56]), rtol=0.1)
    np.testing.assert_allclose(low, -high, rtol=0.1)


def test_noise_about_a_level_does_not_grow():
    errors = np.random.default_rng(2).standard_normal((4000, LEADS.size))
    _, high = spread(errors, LEADS).interval(np.array([1.0, 90.0]))
    assert high[1] == pytest.approx(high[0], rel=0.15)
    assert high[0] == pytest.approx(1.2816, rel=0.05)


def test_skew_is_kept():
    """Errors that are seldom far below and often far above have a longer upper arm."""
    errors = np.random.default_rng(3).exponential(1, (2000, LEADS.size)) - 1
    low, high = spread(errors, LEADS).interval(np.array([1.0]))
    assert high[0] == pytest.approx(-np.log(0.1) - 1, rel=0.1)
    assert low[0] == pytest.approx(-np.log(0.9) - 1, rel=0.1)


def test_few_errors_make_a_wider_interval_than_many_alike():
    errors = walk_errors(1000)
    _, many = spread(errors, LEADS).interval(np.array([7.0]))
    fewer = [spread(errors[i : i + 10], LEADS).interval(np.array([7.0]))[1][0]
             for i in range(0, 1000, 10)]  # fmt: skip
    assert np.mean(fewer) > 1.3 * many[0]


@pytest.mark.parametrize("higher", [True, False])
def test_the_chance_is_never_nought_or_one(higher):
    found = spread(walk_errors(50), LEADS)
    for distance in (-1e9, 1e9):
        assert 0 < found.beyond(distance, 7.0, 1.0, higher) < 1


def test_the_chance_agrees_with_the_interval():
    found = spread(walk_errors(), LEADS)
    low, high = found.interval(np.array([7.0]))
    assert found.beyond(high[0], 7.0, 1.0, True) == pytest.approx(0.1, abs=0.01)
    assert found.beyond(low[0], 7.0, 1.0, False) == pytest.approx(0.1, abs=0.01)
    assert found.beyond(2 * high[0], 7.0, 2.0, True) == pytest.approx(0.1, abs=0.01)


def test_errors_that_lack_are_left_out():
    errors = walk_errors(200)
    errors[:, -1] = np.nan
    errors[3, 2] = np.nan
    low, high = spread(errors, LEADS).interval(LEADS)
    assert np.isfinite([low, high]).all()
