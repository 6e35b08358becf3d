"""The switchback's promises at small size; `python -m benchmarks.switchback` holds them in full.

Null: the lever does nothing to a metric that may be autocorrelated, cyclic or drifting. Error: a
verdict *improved* or *regressed* at any of the 30 looks, at most 5 % of experiments. With n = 400
and a true rate of 5 %, more than 35 come less than once in a thousand seeds. The naive z test with
looks must exceed three times the level on the same units, or they would prove nothing.
"""

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.switchback import (
    METRICS,
    PAIRS,
    UNITS,
    WRONG,
    autoregressive,
    blocks,
    chain,
    differences,
    judged,
    missed,
    naive_verdicts,
    with_effect,
)

N = 400
SEED = 11
BOUND = int(binom.ppf(0.999, N, 0.05))


def test_the_bound_is_the_one_stated():
    """At a true rate of 5 %, more than 35 of 400 come less than once in a thousand seeds."""
    assert BOUND == 35


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_lever_that_does_nothing_seldom_gets_a_verdict(metric):
    """n = 400 experiments, seed 11: at most 35 verdicts; the naive method finds 3x 5 % or more."""
    rng = np.random.default_rng(SEED)
    before, after = blocks(metric.draw(rng, N), rng)
    wrong = sum(judged(row).verdict in WRONG for row in differences(before, after))
    assert wrong <= BOUND
    assert naive_verdicts(before, after).mean() > 0.15


def test_a_fixed_order_would_break_the_bound():
    """The coin carries the proof: always *before* first, every second hour worse, all are wrong."""
    rng = np.random.default_rng(SEED)
    (metric,) = (each for each in METRICS if each.name == "each second hour is worse")
    pairs = metric.draw(rng, N).reshape(N, PAIRS, 2, UNITS)
    rows = differences(pairs[:, :, 0], pairs[:, :, 1])
    assert sum(judged(row).verdict in WRONG for row in rows) == N


def test_the_autoregressive_metric_is_what_it_says():
    """Variance 1 from the first unit on, and correlation 0.95 from each to the next; seed 11."""
    series = autoregressive(np.random.default_rng(SEED), 2000, 0.95, 200)
    assert series[:, 0].var() == pytest.approx(1, abs=0.1)
    assert series[:, -1].var() == pytest.approx(1, abs=0.1)
    assert np.corrcoef(series[:, 100], series[:, 101])[0, 1] == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("effect", [-1.5, 0.0, 40.0])
def test_the_confidence_sequence_holds_the_effect_at_every_look(effect):
    """AR(1) 0.95 plus a constant effect, n = 400, seed 11: at most 35 are missed at any look."""
    rng = np.random.default_rng(SEED)
    noise = autoregressive(rng, N, 0.95, PAIRS * 2 * UNITS)
    rows = differences(*blocks(noise, rng)) + effect
    assert sum(missed(row, effect) for row in rows) <= BOUND


@pytest.mark.parametrize("smallest", [0.5, 1.0, 2.0])
def test_an_effect_beyond_the_smallest_is_seldom_called_none(smallest):
    """Effect just beyond the smallest, sd 1, n = 400: at most 35 are told as *no_effect*."""
    verdicts, _ = with_effect(smallest * 1.001, smallest, N)
    assert verdicts["no_effect"] <= BOUND
    assert verdicts["improved"] == 0


def test_an_effect_that_grows_is_seldom_called_none_by_what_was_seen_early():
    """From no effect to one of 3 sd within 30 pairs: the run is not at an end as *no_effect*."""
    rng = np.random.default_rng(SEED)
    rows = rng.standard_normal((N, PAIRS)) + np.linspace(0, 3, PAIRS)
    verdicts = [judged(row, 0.5).verdict for row in rows]
    assert verdicts.count("no_effect") <= BOUND


def test_no_effect_is_found_where_there_is_none():
    """Smallest effect 2 sd of a pair: 95 % of 400 experiments without an effect say so."""
    verdicts, pairs = with_effect(0.0, 2.0, N)
    assert verdicts["no_effect"] >= 0.95 * N
    assert pairs == 7


@pytest.mark.parametrize(("effect", "share"), [(0.5, 0.18), (1.0, 0.80), (2.0, 0.99)])
def test_real_effects_are_found_within_thirty_pairs(effect, share):
    """Effects of 0.5, 1 and 2 sd of a pair: at least so many of 400 have the right verdict."""
    verdicts, _ = with_effect(effect, 0.0, N)
    assert verdicts["regressed"] >= share * N
    assert verdicts["improved"] <= BOUND


def test_the_whole_chain_without_an_effect_seldom_ends_in_a_verdict():
    """Gate, then switchback, at ICC 0.5: streams raised at their worst recover by themselves.

    n = 200 streams: at most 21 wrong verdicts (a true 5 % gives more once in a thousand seeds),
    while comparing the day before the raise with the day after is wrong more often than not.
    """
    raised, wrong, naive = chain(0.5, 200)
    assert raised == 200
    assert binom.sf(21, raised, 0.05) < 0.001
    assert wrong <= 21
    assert naive > raised / 2
