"""What the pairs of a switchback say, pair by pair."""

import math
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.statistics.switchback import (
    Judgement,
    confidence_sequence,
    difference,
    draw_order,
    fewest_pairs,
    judge,
    sign_evidence,
)


def judged(differences, *, smallest_effect=0.0, better="lower", max_pairs=30) -> Judgement:
    return judge(differences, smallest_effect=smallest_effect, better=better, max_pairs=max_pairs)


def krichevsky_trofimov(signs: tuple[int, ...]) -> Fraction:
    """The same e-value by its sequential form: bet (k + 1/2) / (n + 1) on the next sign, at 2:1."""
    capital, plus = Fraction(1), 0
    for seen, sign in enumerate(signs):
        chance = Fraction(2 * plus + 1, 2 * seen + 2)
        capital *= 2 * (chance if sign > 0 else 1 - chance)
        plus += sign > 0
    return capital


@pytest.mark.parametrize(("signs", "e_value"), [(0, 1), (1, 1), (6, 14.4375), (7, 26.8125)])
def test_equal_signs_have_these_e_values(signs, e_value):
    """6 of 6 stay below the 20 that a verdict at 5 % needs, 7 of 7 are beyond it."""
    assert sign_evidence(signs, 0) == pytest.approx(e_value)
    assert sign_evidence(0, signs) == pytest.approx(e_value)


def test_the_evidence_is_that_of_the_sequential_bet_in_every_order():
    """All 2^9 courses of nine signs end with the capital of betting on them one by one."""
    for signs in product((1, -1), repeat=9):
        plus = signs.count(1)
        assert sign_evidence(plus, 9 - plus) == pytest.approx(float(krichevsky_trofimov(signs)))


def test_evidence_has_a_mean_of_one_under_a_fair_coin():
    """Averaged over all 2^9 courses, so that reaching 1/p has a chance of at most p."""
    values = [
        sign_evidence(signs.count(1), signs.count(-1)) for signs in product((1, -1), repeat=9)
    ]
    assert np.mean(values) == pytest.approx(1)


def test_evidence_beyond_what_a_float_holds_stays_finite():
    assert math.isfinite(sign_evidence(5000, 0))


@pytest.mark.parametrize(("level", "pairs"), [(0.05, 7), (0.10, 6), (0.01, 10)])
def test_a_verdict_needs_so_many_pairs(level, pairs):
    """Seven at 5 %: with one pair fewer no signs whatever suffice."""
    assert fewest_pairs(level) == pairs
    assert sign_evidence(pairs, 0) >= 1 / level > sign_evidence(pairs - 1, 0)


def test_seven_better_pairs_are_improved():
    """All seven waits shorter: improved, with the e-value of seven equal signs."""
    seen = judged([-3.0, -2.0, -4.0, -2.5, -3.5, -1.0, -2.0])
    assert (seen.verdict, seen.final, seen.pairs) == ("improved", True, 7)
    assert seen.e_value == pytest.approx(26.8125)
    assert (seen.effect, seen.interval) == (-2.5, (-4.0, -1.0))


def test_six_better_pairs_are_undecided():
    seen = judged([-3.0] * 6)
    assert (seen.verdict, seen.final) == (None, False)
    assert seen.e_value == pytest.approx(14.4375)
    assert seen.interval == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("sign", "better", "verdict"),
    [
        (-1, "lower", "improved"),
        (1, "lower", "regressed"),
        (1, "higher", "improved"),
        (-1, "higher", "regressed"),
    ],
)
def test_the_direction_decides_which_verdict_it_is(sign, better, verdict):
    assert judged([sign * 2.0] * 7, better=better).verdict == verdict


def test_differences_within_the_smallest_effect_are_no_effect():
    """Seven pairs to both sides, all within 0.3 where 0.5 would matter."""
    seen = judged([0.3, -0.3, 0.2, -0.2, 0.1, -0.1, 0.05], smallest_effect=0.5)
    assert (seen.verdict, seen.interval) == ("no_effect", (-0.3, 0.3))


@pytest.mark.parametrize("far", [0.6, -0.6])
def test_a_difference_beyond_the_smallest_effect_is_not_called_none(far):
    """One of seven pairs beyond 0.5, to either side, leaves them undecided."""
    seen = judged([0.3, -0.3, 0.2, -0.2, 0.1, -0.1, far], smallest_effect=0.5)
    assert (seen.verdict, far in seen.interval) == (None, True)


def test_a_steady_effect_is_a_verdict_even_below_the_smallest_effect():
    """Signs that refute *no effect* are told as what they are."""
    assert judged([-0.1] * 7, smallest_effect=0.5).verdict == "improved"


def test_the_longest_experiment_ends_without_a_verdict():
    """At `max_pairs` undecided signs are insufficient data, never a success."""
    undecided = [1.0, -1.0] * 5
    assert judged(undecided, max_pairs=11).verdict is None
    assert judged(undecided, max_pairs=10).verdict == "insufficient_data"


def test_void_pairs_are_counted_apart_and_towards_the_end():
    """A block without units says nothing, and an experiment cannot wait for data for ever."""
    seen = judged([None, 2.0, None, -1.0], max_pairs=4)
    assert (seen.verdict, seen.pairs, seen.void_pairs) == ("insufficient_data", 2, 2)
    assert seen.effect == 0.5


def test_void_pairs_alone_are_insufficient_data():
    """Missing data is never success."""
    seen = judged([None] * 30)
    assert (seen.verdict, seen.e_value, seen.effect) == ("insufficient_data", 1.0, None)
    assert seen.interval == (-math.inf, math.inf)


def test_no_pairs_are_undecided():
    assert judged([]) == Judgement(None, 1.0, 0, 0, None, (-math.inf, math.inf))


def test_pairs_without_a_difference_are_no_signs():
    """Ten ties and six equal signs are evidence of six signs."""
    assert judged([-1.0] * 6 + [0.0] * 10).e_value == pytest.approx(14.4375)


def test_a_lever_that_moves_nothing_at_all_has_no_effect():
    """Seven ties in a row, and nothing smaller than zero could matter."""
    assert judged([0.0] * 7).verdict == "no_effect"


@given(
    st.lists(st.none() | st.floats(-5, 5), max_size=60),
    st.floats(0, 3),
    st.sampled_from(["lower", "higher"]),
)
def test_a_verdict_does_not_change_when_later_pairs_arrive(differences, smallest, better):
    """Judged after each pair, all judgements from the first final one on are the same one."""
    looks = [
        judged(differences[:count], smallest_effect=smallest, better=better)
        for count in range(len(differences) + 1)
    ]
    final = [look for look in looks if look.final]
    assert all(look == final[0] for look in final)
    assert all(look.final for look in looks[len(looks) - len(final) :])


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60))
def test_the_interval_only_narrows(differences):
    """Each pair's interval lies within the one before."""
    intervals = list(confidence_sequence(differences))
    for (low, high), (next_low, next_high) in pairwise(intervals):
        assert next_low >= low
        assert next_high <= high


@given(st.lists(st.floats(-5, 5).filter(bool), min_size=7, max_size=40))
def test_the_interval_excludes_zero_exactly_when_the_signs_refute_no_effect(differences):
    """Verdict and interval are one statement, at every look; without ties."""
    refuted = False
    for count, (low, high) in enumerate(confidence_sequence(differences), 1):
        plus = sum(value > 0 for value in differences[:count])
        refuted |= sign_evidence(plus, count - plus) >= 20
        assert (not low <= 0 <= high) == refuted


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_difference_that_is_no_finite_number_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        judged([1.0, value])


@pytest.mark.parametrize(
    "wrong",
    [{"max_pairs": 0}, {"smallest_effect": -0.1}, {"smallest_effect": math.nan}]
    + [{"level": level} for level in (0.0, 1.0, math.nan)],
)
def test_limits_out_of_range_are_refused(wrong):
    plan = {"smallest_effect": 0.1, "better": "lower", "max_pairs": 30} | wrong
    with pytest.raises(ValueError, match="within 0 to 1"):
        judge([1.0], **plan)


def test_a_difference_is_after_less_before():
    assert difference([1.0, 3.0], [7.0]) == 5.0


@pytest.mark.parametrize(("before", "after"), [([], [1.0]), ([1.0], []), ([], [])])
def test_a_pair_with_an_empty_block_is_void(before, after):
    assert difference(before, after) is None


def test_the_order_is_a_fair_coin_for_each_pair():
    """2,000 pairs, seed 1: each holds both blocks, about half begin with *before*, no pattern."""
    order = draw_order(2000, np.random.default_rng(1))
    assert {frozenset(pair) for pair in order} == {frozenset({"before", "after"})}
    first = np.array([pair[0] == "before" for pair in order])
    assert abs(first.mean() - 0.5) < 0.035
    assert abs((first[1:] == first[:-1]).mean() - 0.5) < 0.035


def test_the_same_seed_draws_the_same_order():
    """So that an order can be drawn again from what was recorded."""
    first, again, other = (draw_order(64, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first == again != other
