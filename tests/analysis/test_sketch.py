"""The sketch: quantiles within 1 %, whatever way its parts came together."""

import json
from math import floor, inf, isclose, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.analysis.sketch import ERROR, Sketch, merged_sketch
from tests.analysis.properties import property_of_numbers

SECONDS = st.one_of(st.just(0.0), st.floats(1e-9, 1e12), st.sampled_from([1.0, 0.1, 60.0]))
SHARES = st.one_of(st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]), st.floats(0, 1))


def sketch(values: list[float]) -> Sketch:
    return Sketch.of(np.array(values))


def state(one: Sketch) -> str:
    return json.dumps(one.as_json())


@property_of_numbers
@given(values=st.lists(SECONDS, min_size=1, max_size=200), share=SHARES)
def test_quantiles_are_within_one_percent(values: list[float], share: float) -> None:
    """Of the value of that rank, from a nanosecond to thirty thousand years; zeros exactly."""
    exact = sorted(values)[floor(share * (len(values) - 1))]
    assert isclose(sketch(values).quantile(share), exact, rel_tol=ERROR)


@pytest.mark.parametrize("draw", ["lognormal", "pareto", "uniform"])
def test_quantiles_of_many_values(draw: str) -> None:
    """Of 100,000 with long tails too: 1,000 ranks each."""
    rng = np.random.default_rng(7)
    drawn = {
        "lognormal": rng.lognormal(1, 2, 100_000),
        "pareto": rng.pareto(1, 100_000),
        "uniform": rng.random(100_000),
    }[draw]
    whole, ordered = Sketch.of(drawn), np.sort(drawn)
    for share in np.linspace(0, 1, 1000):
        exact = ordered[floor(share * (len(ordered) - 1))]
        assert isclose(whole.quantile(share), exact, rel_tol=ERROR)


@property_of_numbers
@given(parts=st.lists(st.lists(SECONDS, min_size=1), min_size=3, max_size=3))
def test_merging_is_associative_and_commutative(parts: list[list[float]]) -> None:
    """Any grouping, any order, and all values at once: the same sketch to the bit."""
    a, b, c = map(sketch, parts)
    whole = state(sketch([value for part in parts for value in part]))
    assert state(merged_sketch([merged_sketch([a, b]), c])) == whole
    assert state(merged_sketch([a, merged_sketch([b, c])])) == whole
    assert state(merged_sketch([c, a, b])) == whole


@property_of_numbers
@given(values=st.lists(SECONDS, min_size=1))
def test_the_state_is_json(values: list[float]) -> None:
    """And comes back whole."""
    kept = sketch(values)
    again = Sketch.from_json(json.loads(state(kept)))
    assert (state(again), again.n) == (state(kept), len(values))


def test_one_value_is_exact() -> None:
    """As are many that are the same, and the ends."""
    assert sketch([0.3]).quantile(0.5) == 0.3
    assert sketch([7.7] * 9).quantile(0.99) == 7.7
    mixed = sketch([0.0, 0.0, 3.0, 1e308])
    assert [mixed.quantile(share) for share in (0, 0.4, 1)] == [0.0, 0.0, 1e308]


@pytest.mark.parametrize("values", [[], [-1.0], [1.0, nan], [inf]])
def test_what_is_no_duration_is_refused(values: list[float]) -> None:
    """Nothing is put into a bin that it is not in."""
    with pytest.raises(ValueError, match="not negative"):
        sketch(values)
