"""Which of many streams may be raised together."""

import numpy as np
import pytest

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
    """Null: 15 of 20 streams have e-values of mean 1. Error: their share of those selected.

    n = 2,000 draws, seed 3, streams dependent through one common factor, rate 10 %: the mean share
    is at most 10 %. Naively raising every stream beyond 1 / 0.1 has 3 times that in a null world.
    """
    rng = np.random.default_rng(3)
    shares, naive = [], 0
    for _ in range(2000):
        values = np.where(rng.random(20) < 1 / 40, 40.0, 0.0)
        values[15:] = 1e6
        naive += bool((values[:15] > 10).any())
        chosen = np.array(select(values))
        shares.append(chosen[:15].sum() / max(chosen.sum(), 1))
    assert 0.04 < np.mean(shares) <= 0.10
    assert naive / 2000 > 0.3
