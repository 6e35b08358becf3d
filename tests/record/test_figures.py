"""Shares and averages over few changes equal what scipy's own tests say of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from grace.record.figures import average, share

EFFECTS = st.lists(st.floats(-100, 100).map(lambda value: round(value, 3)), min_size=1, max_size=12)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=40)
def test_a_share_has_the_exact_interval(counted):
    """Clopper and Pearson's, as scipy's binomial test has it."""
    hits, n = counted
    found = share(hits, n)
    expected = stats.binomtest(hits, n).proportion_ci(confidence_level=0.95, method="exact")
    assert found.value == hits / n
    assert found.interval == pytest.approx((expected.low, expected.high))


def test_a_share_of_nothing_is_no_share():
    """Neither 0 % nor 100 %, and no interval."""
    found = share(0, 0)
    assert (found.n, found.value, found.interval) == (0, None, None)


@given(EFFECTS)
@settings(max_examples=40)
def test_an_average_has_students_interval(values):
    """As scipy has it; none for one value, nor where they are all alike."""
    found = average(values)
    assert found.n == len(values)
    assert found.value == pytest.approx(np.mean(values), abs=1e-12)
    if len(set(values)) == 1:
        assert found.interval is None
        return
    error = stats.sem(values)
    expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
    assert found.interval == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_an_absolute_error_is_never_below_nothing():
    """The interval of a mean that cannot be negative ends at 0."""
    found = average([0.1, 5.0], least=0.0)
    assert found.interval is not None
    assert found.interval[0] == 0.0
    assert average([]).value is None
