"""Which of many streams may be raised together."""

import numpy as np
import pytest
from scipy.stats import norm

from grace.statistics.discovery import select


def test_no_streams_select_nothing():
    assert select([]) == ()


@pytest.mark.parametrize(("e_value", "chosen"), [(9.99, False), (10.0, True)])
def test_one_stream_needs_evidence_of_one_over_the_rate(e_value, chosen):
    """Alone, a stream is held to 1 / 0.1 = 10."""
    assert select([e_value]) == (chosen,)


def test_streams_that_win_together_need_less_each():
    """Of four, one alone needs 40; two need 20 each, three 13.3, and all four only 10."""
    assert select([39, 1, 1, 1]) == (False, False, False, False)
    assert select([40, 1, 1, 1]) == (True, False, False, False)
    assert select([20, 1, 20, 1]) == (True, False, True, False)
    assert select([10, 10, 10, 10]) == (True, True, True, True)


def test_a_weak_stream_is_not_carried_by_strong_ones():
    """The bar falls with the number selected, never below n / (k rate) for those below it."""
    assert select([1e9, 1e9, 1e9, 9.9]) == (True, True, True, False)


def test_infinite_evidence_is_selected():
    assert select([np.inf, 1.0]) == (True, False)


def test_the_share_of_wrong_selections_stays_below_the_rate():
    """Null: 15 of 20 streams have e-values of mean 1: 12 or nothing. Error: their share of those
    selected, promised to be at most 10 % on the mean.

    n = 2,000 draws, seed 3. One common factor is half of the variance of what decides: the nulls
    are 12 together more often than by themselves. Raising every stream beyond 1 / 0.1 breaks the
    promise on the very same draws.
    """
    rng = np.random.default_rng(3)
    shares, naive = [], []
    for _ in range(2000):
        common, own = rng.standard_normal(), rng.standard_normal(15)
        nulls = np.where((common + own) / np.sqrt(2) > norm.isf(1 / 12), 12.0, 0.0)
        values = np.concatenate([nulls, np.full(5, 1e6)])
        shares.append(_wrong_share(np.array(select(values))))
        naive.append(_wrong_share(values > 10))
    assert np.mean(shares) <= 0.10 < np.mean(naive)


def _wrong_share(chosen: np.ndarray) -> float:
    return float(chosen[:15].sum() / chosen.sum())
