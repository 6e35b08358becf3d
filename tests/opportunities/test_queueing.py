"""The queue against a simulation that knows nothing of heaps or sorting, one instant at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.opportunities.queueing import met_limit, replay

runs = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=25)


def simulated(arrivals: list[int], works: list[int], slots: int) -> list[int]:
    """Waits in whole seconds: each second, whoever came first takes a slot that is free."""
    waits, left = [0] * len(arrivals), {}
    line: list[int] = []
    for second in range(61 + sum(works)):
        left = {run: work - 1 for run, work in left.items() if work > 1}
        line += [run for run, arrival in enumerate(arrivals) if arrival == second]
        while line and len(left) < slots:
            run = line.pop(0)
            waits[run] = second - arrivals[run]
            left[run] = works[run]
    return waits


@given(runs, st.integers(1, 6))
def test_replay_is_first_come_first_served(jobs: list[tuple[int, int]], slots: int) -> None:
    arrivals, works = ([job[place] for job in jobs] for place in (0, 1))
    waits = replay(np.array(arrivals, float), np.array(works, float), slots)
    assert waits.tolist() == simulated(arrivals, works, slots)


@given(runs, st.integers(1, 6))
def test_no_run_waits_longer_with_one_slot_more(jobs: list[tuple[int, int]], slots: int) -> None:
    """So that the smallest limit that reaches a target can be found by halving."""
    queued, work = np.array(jobs, float).T
    assert (replay(queued, work, slots + 1) <= replay(queued, work, slots)).all()


def test_without_slots_nothing_would_ever_end() -> None:
    with pytest.raises(ValueError, match="without slots"):
        replay(np.zeros(1), np.ones(1), 0)


@given(runs, st.integers(1, 6))
def test_who_waits_in_the_queue_met_the_limit(jobs: list[tuple[int, int]], slots: int) -> None:
    """In a first-come queue exactly those wait that find all slots taken.

    Half a second keeps arrivals apart from departures: at one instant either may come first.
    """
    queued, work = np.array(jobs, float).T
    queued += 0.5 * (np.arange(queued.size) % 2)
    waits = replay(queued, work, slots)
    started = queued + waits
    met = met_limit(queued, started, started + work, np.full(queued.size, slots))
    assert (met | (waits == 0)).all()
    apart = ~np.isin(queued, started + work)
    assert (~met | (waits > 0))[apart].all()


def test_a_limit_that_was_never_reached_was_not_met() -> None:
    """Ten tasks queue at once and run one after the other: not the limit of 4 holds them up."""
    queued, work = np.zeros(10), np.ones(10)
    started = np.arange(10) * 1.5
    assert not met_limit(queued, started, started + work, np.full(10, 4)).any()


def test_each_run_is_held_against_the_limit_of_its_own_time() -> None:
    """Two at once under a limit of 1 and again under 2: only the first pair met it."""
    queued = np.array([0.0, 0.0, 100.0, 100.0])
    started = np.array([0.0, 5.0, 100.0, 100.0])
    met = met_limit(queued, started, started + 5, np.array([1, 1, 2, 2]))
    assert met.tolist() == [False, True, False, False]
