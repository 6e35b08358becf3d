"""Many streams at once, at small size; `python -m benchmarks.many_streams` does it at full size."""

import numpy as np

from benchmarks.gate import BEGIN, HOUR, HOURS, RATE, RUNS_AN_HOUR, attempts, clock
from benchmarks.many_streams import raised_hours
from grace.statistics.evidence import weigh

N, BAD, SEED = 120, 12, 5


def streams(bad: int) -> np.ndarray:
    rates = np.full((N, HOURS * RUNS_AN_HOUR), RATE.threshold)
    rates[:bad] -= 0.15
    return attempts(np.random.default_rng(SEED), N, rates, 0.1)


def test_the_looks_are_those_of_the_gate():
    """Hour for hour: a stream that the simulation raises alone is one that the gate raises."""
    some = streams(BAD)[: 2 * BAD]
    found = raised_hours(some)
    for values, hour in zip(some, found.alone, strict=True):
        times = clock(len(values))
        weighed = weigh(times, values, RATE, times[-1])
        assert weighed.crossed == np.isfinite(hour)
        if weighed.crossed:
            assert hour == (weighed.window[1] - BEGIN) // HOUR + 1


def test_none_of_many_at_the_threshold_is_raised():
    """Null: all 120 at 85 %, ICC 0.1, for 30 days; any raise at all has a chance of at most 10 %.
    Held against the last 24 hours at 5 % at each look, every one of them would be."""
    from benchmarks.gate import naive_raises

    some = streams(0)
    assert not np.isfinite(raised_hours(some).beside).any()
    assert naive_raises(some, RATE).mean() > 0.9


def test_those_below_are_raised_and_few_others():
    """12 of 120 are 15 points below: all are found, and at most a tenth of the found are wrong."""
    found = np.isfinite(raised_hours(streams(BAD)).beside)
    assert found[:BAD].all()
    assert found[BAD:].sum() <= 0.1 * found.sum()
