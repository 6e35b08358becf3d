"""What fixes have done: attempts are counted, flow runs are the trials."""

import numpy as np
import pytest
from scipy.stats import binomtest

from grace.patterns.library import Library
from grace.patterns.record import Record, best_fix, of_pattern, recorded, records, records_of
from grace.store.read import newest


def of_run(flow_run: str) -> dict[str, object]:
    return {"flow_run": flow_run, "task_run": f"{flow_run}-task", "task": "fetch"}


def test_attempts_are_counted_by_fix_and_flow_run(failing, learned, store) -> None:
    """Pending attempts and those of other errors are left out."""
    error = "RuntimeError('queue {} is full')"
    for flow_run, healed in [("a", True), ("a", False), ("b", True), ("c", None)]:
        failing.attempt(error.format(1), healed, metadata=of_run(flow_run))
    failing.attempt(error.format(2), True, fix_type="restart", metadata=of_run("a"))
    failing.attempt(error.format(2), True, fix_type=None)
    failing.attempt("ValueError: other", True)
    learned()
    library = Library.load(store)
    pattern = library.match("RuntimeError: queue 5 is full")
    assert records_of(store, library, pattern.fingerprint) == {
        "retry": Record(attempts=3, successes=2, units=2, healed=1.5),
        "restart": Record(attempts=1, successes=1, units=1, healed=1.0),
    }
    attempts = newest(store, "healing_attempts")
    assert len(recorded(store, library)) == 2
    assert records(attempts, library) == recorded(store, library)
    assert of_pattern(attempts, library, pattern.fingerprint) == [True] * 6 + [False]


def test_a_pattern_that_nothing_was_tried_on_has_no_record(failing, learned, store) -> None:
    failing.task("RuntimeError: full")
    learned()
    library = Library.load(store)
    (pattern,) = library
    assert records_of(store, library, pattern.fingerprint) == {}


@pytest.mark.parametrize(("healed", "units"), [(0, 5), (5, 5), (3, 7), (90, 100)])
def test_the_interval_is_wilson_s(healed: int, units: int) -> None:
    found = Record(units, healed, units, healed).interval
    expected = binomtest(healed, units).proportion_ci(method="wilson")
    assert found == pytest.approx((expected.low, expected.high))


def test_without_attempts_nothing_is_known() -> None:
    assert (Record(0, 0).rate, Record(0, 0).interval) == (None, (0.0, 1.0))


def test_flow_runs_and_not_attempts_make_the_interval_honest() -> None:
    """Twenty flow runs of ten attempts that succeed and fail together (ICC 0.5), each healing 70 %:
    the 95 % interval must hold in at least 93 % of 2,000 (the error of 2,000 draws taken off), seed
    4. With every attempt as a trial it holds in less than three of four."""
    rng = np.random.default_rng(4)
    holds = naive = 0
    for _ in range(2000):
        shares = rng.binomial(10, rng.beta(0.7, 0.3, 20)) / 10
        low, high = Record(200, 0, 20, float(shares.sum())).interval
        holds += low <= 0.7 <= high
        low, high = Record(200, 0, 200, float(10 * shares.sum())).interval
        naive += low <= 0.7 <= high
    assert holds >= 0.93 * 2000
    assert naive < 0.75 * 2000


def test_the_best_fix_is_the_one_that_is_surely_good() -> None:
    """Nine of ten are surer than five of five; fewer than five flow runs are no record yet."""
    fixes = {
        "retry": Record(10, 9, 10, 9.0),
        "restart": Record(5, 5, 5, 5.0),
        "prayer": Record(4, 4, 4, 4.0),
    }
    assert best_fix(fixes) == "retry"
    assert best_fix({"prayer": fixes["prayer"]}) is None
    assert best_fix(fixes, least_units=4) == "retry"
    assert best_fix({name: fixes[name] for name in ("restart", "prayer")}) == "restart"
