"""The simulated system: what it waits for and how it fails depends on how it is set."""

from statistics import fmean

import pytest

from grace.demo.pool import Pool
from grace.demo.runs import TaskRun
from grace.demo.world import World
from grace.patterns.rules import Rule

DAY = 86_400.0


def runs_of(world: World, task: str, until: float = DAY) -> list[TaskRun]:
    return [run for run in world.advance(until).task_runs if run.flow_run.job.task == task]


def unruly(error: str, flow_run: str) -> None:
    """No rule for any error."""


def waits(service: str, task: str, limit: int) -> float:
    world = World(1, unruly)
    world.set_limit(service, limit)
    return fmean(run.started - run.queued for run in runs_of(world, task))


def seconds(service: str, task: str, limit: int) -> float:
    world = World(1, unruly)
    world.set_limit(service, limit)
    return fmean(run.ended - run.started for run in runs_of(world, task))


def failing(task: str, rule: Rule | None) -> float:
    runs = runs_of(World(1, lambda error, run: rule), task, 3 * DAY)
    return sum(run.error is not None for run in runs) / len(runs)


def test_waits_fall_with_the_limit_as_far_as_the_service_bears_it() -> None:
    seen = [waits("catalog-api", "fetch_page", limit) for limit in (1, 2, 4, 8)]
    assert seen == sorted(seen, reverse=True)
    assert seen[1] > 8 > 2 > seen[3]


def test_beyond_the_knee_more_at_once_is_slower_and_makes_others_wait_longer() -> None:
    assert seconds("warehouse", "run_query", 12) > 3 * seconds("warehouse", "run_query", 3)
    assert waits("warehouse", "run_query", 12) > waits("warehouse", "run_query", 3) + 2
    assert waits("warehouse", "run_query", 2) > waits("warehouse", "run_query", 3) + 2


def test_retries_heal_the_error_that_passes_and_not_the_one_that_stays() -> None:
    once, twice = Rule(fix="retry", retries=1), Rule(fix="retry", retries=2)
    passing = [failing("load_batch", rule) for rule in (None, once, twice)]
    assert passing == pytest.approx([0.15, 0.15 * 0.15, 0.15 * 0.15**2], abs=0.02)
    assert failing("fetch_feed", None) == failing("fetch_feed", twice) == 1


def test_a_fix_that_is_no_retry_changes_nothing_here() -> None:
    assert failing("load_batch", Rule(fix="restart")) == failing("load_batch", None)


def test_the_code_of_a_task_bounds_the_retries_of_a_rule() -> None:
    gone = runs_of(World(1, lambda error, run: Rule(fix="retry", retries=9)), "fetch_feed", 2 * DAY)
    assert max(run.attempts for run in gone) == 4


def test_no_setting_changes_what_is_drawn() -> None:
    """Else a lever would seem to do what only other luck did."""
    one, other = World(1, unruly), World(1, lambda error, run: Rule(fix="retry", retries=2))
    other.set_limit("catalog-api", 8)
    drawn = [
        sorted((run.id, run.work, run.luck) for run in world.advance(DAY).task_runs)
        for world in (one, other)
    ]
    assert drawn[0] == drawn[1]


def test_another_seed_is_another_week() -> None:
    one, other = (World(seed, unruly).advance(DAY / 4).task_runs for seed in (1, 2))
    assert {run.id for run in one}.isdisjoint(run.id for run in other)


def test_a_raised_limit_is_felt_by_those_who_wait_and_a_lowered_one_takes_no_slot_back() -> None:
    world = World(1, unruly)
    world.advance(60 * 3 + 15)  # the first pages are being fetched, two at a time
    world.set_limit("catalog-api", 12)
    raised = runs_of(world, "fetch_page", 60 * 3 + 60)
    assert sum(run.started == 60 * 3 + 15 for run in raised) >= 4
    assert {run.limit for run in raised} == {2, 12}
    world.set_limit("catalog-api", 6)
    world.advance(3600 + 60 * 3 + 10.5)  # the pages of the next hour, six at a time
    world.set_limit("catalog-api", 1)
    lowered = runs_of(world, "fetch_page", 2 * 3600)
    assert [run.limit for run in sorted(lowered, key=lambda run: run.started)] == [6] * 6 + [1] * 6


def test_however_the_time_is_cut_the_same_happens() -> None:
    whole, parts = World(3, unruly), World(3, unruly)
    at_once = [(run.id, run.ended) for run in whole.advance(DAY / 2).task_runs]
    cut = [
        (run.id, run.ended)
        for hour in range(1, 13)
        for run in parts.advance(3600.0 * hour).task_runs
    ]
    assert [name for name, _ in cut] == [name for name, _ in at_once]
    assert [end for _, end in cut] == pytest.approx([end for _, end in at_once])


def test_a_shared_service_goes_at_one_pace() -> None:
    """Two seconds of work beside one second, at most one of them served at full pace at a time."""
    pool: Pool[str] = Pool(limit=2, knee=1, steepness=1.0)
    for name, work in (("long", 2.0), ("short", 1.0)):
        pool.queue(name)
        assert pool.admit() == name
        pool.begin(name, work, 0.0)
    assert pool.admit() is None
    assert pool.next_end() == pytest.approx(2.0)
    assert pool.end(2.0) == "short"
    assert pool.next_end() == pytest.approx(3.0)
    assert pool.end(3.0) == "long"
