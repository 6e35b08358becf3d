"""Evidence against a limit on the mean of non-negative amounts, and the limit it refutes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.statistics.betting import (
    STAKES,
    evidence,
    log_capital,
    log_evidence,
    lower_limit,
)

amounts = st.lists(st.floats(0, 1e6), min_size=1, max_size=30).map(np.array)


def test_evidence_is_the_mean_over_the_stakes_of_products_of_bets():
    """The definition, worked by plain multiplication."""
    seen, limit = [3.0, 0.5, 4.0], 2.0
    by_hand = np.mean([math.prod(1 + s * (a / limit - 1) for a in seen) for s in STAKES])
    assert evidence(log_evidence(log_capital(np.array(seen), limit)[-1])) == pytest.approx(by_hand)


def test_without_amounts_nothing_is_won_or_lost():
    """Every stake begins with a capital of 1, so evidence begins at 1."""
    capital = log_capital(np.array([]), 2.0)
    assert capital.shape == (1, STAKES.size)
    assert log_evidence(capital[-1]) == 0


def test_a_stake_never_loses_all_it_has():
    """Amounts of zero, however many, leave a capital above zero: its logarithm stays finite."""
    assert np.isfinite(log_capital(np.zeros(10_000), 1.0)).all()


def test_each_bet_is_fair_when_the_mean_is_the_limit():
    """Over two equally likely amounts around the limit, every stake's factor is 1 on average."""
    low, high = (np.exp(log_capital(np.array([amount]), 5.0)[-1]) for amount in (1.0, 9.0))
    assert (low + high) / 2 == pytest.approx(np.ones(STAKES.size))


def test_evidence_beyond_what_a_float_holds_stays_finite():
    """A thousand amounts of the greatest float against a small limit, without a warning."""
    capital = log_capital(np.full(1000, np.finfo(float).max), 1e-300)
    assert evidence(log_evidence(capital[-1])) == pytest.approx(math.exp(700))


@given(amounts, st.floats(1e-3, 1e6), st.floats(1.001, 100))
def test_a_higher_limit_meets_less_evidence(seen, limit, factor):
    """Evidence falls as the limit rises: what refutes a limit refutes every lower one."""
    lower, higher = (log_evidence(log_capital(seen, c)[-1]) for c in (limit, limit * factor))
    assert higher <= lower + 1e-9


@given(amounts)
def test_the_lower_limit_is_where_the_evidence_is_just_enough(seen):
    """At the limit found the amounts bear the evidence needed; with none to find it is 0."""
    needed = math.log(1200)
    limit = lower_limit(seen, needed)
    assert 0 <= limit <= seen.max()
    if limit > 0:
        assert log_evidence(log_capital(seen, limit)[-1]) == pytest.approx(needed, abs=1e-6)


def test_amounts_of_zero_refute_no_limit():
    """With nothing seen above zero, no positive mean is too low."""
    assert lower_limit(np.zeros(100), math.log(1200)) == 0


def test_the_lower_limit_scales_with_the_unit():
    """Milliseconds instead of seconds give the same limit in milliseconds."""
    seconds = np.random.default_rng(1).exponential(3, 200)
    limit = lower_limit(seconds, math.log(1200))
    assert 1 < limit < seconds.mean()
    assert lower_limit(seconds * 1000, math.log(1200)) == pytest.approx(limit * 1000)
