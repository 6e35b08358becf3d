"""Which cause binds, from logs whose cause is known; each other is ruled out with its figures."""

from datetime import datetime, timedelta

import pytest

from grace.governance.optimizing import Optimizing
from grace.opportunities.causes import Diagnosis, diagnose
from tests.opportunities.conftest import Log

NAMES = {
    "work pool",
    "work queue",
    "deployment limit",
    "tag limit",
    "worker saturation",
    "schedules firing together",
    "worker poll",
    "one slow task",
    "global limit",
}


def flow_run(
    log: Log,
    run: str,
    queued: float,
    wait: float,
    held: float,
    name: str = "refresh/often",
    scheduled: bool = False,
    **limits: int,
) -> float:
    """One flow run of a worker of pool/default; the limits as {work_pool__x: 2}."""
    keys = {key.replace("__", ":").replace("_", "-"): limit for key, limit in limits.items()}
    tags = ["auto-scheduled"] if scheduled else []
    ended = queued + wait + held
    log._add(
        "flow_run",
        None,
        (queued, queued + wait, ended),
        {"limits": keys, "tags": tags},
        run,
        name,
        "pool/default",
    )
    return ended


def in_line(log: Log, count: int, gap: float, held: float, slots: int, **limits: int) -> None:
    """Four flow runs every `gap` s behind so many places, with 5 s of poll in front of each."""
    for burst in range(count):
        for place in range(4):
            wait = 5 + held * (place // slots)
            flow_run(log, f"f{burst}-{place}", burst * gap, wait, held, **limits)


def only(log: Log) -> Diagnosis:
    (found,) = diagnose(log.frame())
    return found


@pytest.mark.parametrize(
    ("limits", "cause", "key"),
    [
        ({"work_pool__pool": 1}, "work pool", "work-pool:pool"),
        ({"work_queue__pool/default": 1}, "work queue", "work-queue:pool/default"),
        ({"deployment__refresh/often": 1}, "deployment limit", "deployment:refresh/often"),
        ({}, "worker saturation", "worker:pool/default"),
    ],
)
def test_what_was_full_while_they_waited_binds(log: Log, limits, cause: str, key: str) -> None:
    """One place for four at a time; where no limit says so, it is the worker that has only one."""
    in_line(log, 6, gap=200, held=20, slots=1, **limits)
    found = only(log)
    assert (found.binding.name, found.binding.key) == (cause, key)
    assert found.binding.seconds == pytest.approx(30)
    assert {each.name for each in found.causes} == NAMES
    assert len(found.others(cause)) == len(NAMES) - 1
    (poll,) = [each for each in found.causes if each.name == "worker poll"]
    assert poll.seconds == pytest.approx(5)


def test_of_two_limits_the_fuller_one_binds(log: Log) -> None:
    in_line(log, 6, gap=200, held=20, slots=1, work_pool__pool=9, deployment__x=1)
    found = only(log)
    assert found.binding.name == "deployment limit"
    (told,) = [each.told for each in found.causes if each.name == "work pool"]
    assert told.startswith("work-pool:pool (limit 9) was found full by 0 of 24 flow runs")


def test_a_worker_with_room_only_polls(log: Log) -> None:
    for run in range(12):
        flow_run(log, f"f{run}", run * 60, 7 + run % 3, 4)
    found = only(log)
    assert found.binding.name == "worker poll"
    assert found.binding.seconds == pytest.approx(8, abs=0.1)
    assert "which no limit lowers" in found.binding.told


def two_schedules(log: Log, gap: float) -> None:
    """Two deployments that fire together, one place, 20 s of work each."""
    for time in range(8):
        for place, name in enumerate(("a/often", "b/often")):
            flow_run(
                log,
                f"{name}-{time}",
                time * gap,
                5 + 20 * place,
                20,
                name=name,
                scheduled=True,
                work_pool__pool=1,
            )


def test_a_place_that_is_wanted_at_the_same_second_is_the_schedules_fault(log: Log) -> None:
    """With 200 s between, one place is used a fifth of the time: spread out, nobody waits."""
    two_schedules(log, gap=200)
    found = {each.subject: each for each in diagnose(log.frame())}["b/often"]
    assert found.binding.name == "schedules firing together"
    assert "a/often, b/often" in found.binding.told
    (pool,) = [each for each in found.causes if each.name == "work pool"]
    assert "spread out, the same runs would wait 0.0 s" in pool.told


def test_a_place_that_is_always_wanted_is_the_limit_s_fault(log: Log) -> None:
    """With 34 s between, it is used for longer than there is: a spread would not help."""
    for time in range(8):
        for place, name in enumerate(("a/often", "b/often")):
            wait = 5 + 20 * place + time * 6
            flow_run(
                log, f"{name}-{time}", time * 34, wait, 20, name, scheduled=True, work_pool__pool=1
            )
    found = {each.subject: each for each in diagnose(log.frame())}["b/often"]
    assert found.binding.name == "work pool"
    (schedules,) = [each for each in found.causes if each.name == "schedules firing together"]
    assert "would still wait" in schedules.told


def test_a_tag_that_holds_task_runs_back_binds(log: Log) -> None:
    for burst in range(6):
        log.burst(f"f{burst}", 100 * burst, [5.0] * 6, slots=2)
    found = only(log)
    assert (found.binding.name, found.binding.key) == ("tag limit", "tag:pages")
    costs = {each.name: each.seconds for each in found.causes}
    assert costs["tag limit"] == pytest.approx(10)
    assert costs["one slow task"] == pytest.approx(5)


def test_one_slow_task_binds_where_nothing_is_full(log: Log) -> None:
    for run in range(6):
        begin = 100 * run
        for number in range(3):
            log._add(
                "task_run",
                f"f{run}",
                (begin, begin, begin + 1),
                {"limits": {}},
                name=f"short-{number}",
            )
        log._add(
            "task_run", f"f{run}", (begin + 1, begin + 1, begin + 13), {"limits": {}}, name="long"
        )
        log.flow(f"f{run}", begin, begin, begin + 14, executor=None)
    found = only(log)
    assert (found.binding.name, found.binding.key) == ("one slow task", "long")
    assert "long is at work for 12.0 s of 14.0 s" in found.binding.told


def test_a_quick_run_has_no_slow_task(log: Log) -> None:
    for run in range(6):
        log._add("task_run", f"f{run}", (run * 9, run * 9, run * 9 + 3), {"limits": {}})
        log.flow(f"f{run}", run * 9, run * 9, run * 9 + 3, executor=None)
    found = only(log)
    assert found.binding is None
    assert found.text.startswith("nothing binds.\n")


def test_a_global_limit_cannot_be_told_apart(log: Log) -> None:
    in_line(log, 6, gap=200, held=20, slots=1, work_pool__pool=1)
    (told,) = [each for each in only(log).causes if each.name == "global limit"]
    assert (told.seconds, told.binds) == (None, False)
    assert "cannot be told apart" in told.told


def test_too_few_runs_are_insufficient_data(log: Log, start: datetime) -> None:
    for run in range(4):
        flow_run(log, f"f{run}", run * 60, 7, 4)
    assert only(log).text == "insufficient data: 4 of 5 flow runs"
    assert only(log).binding is None
    assert diagnose(log.frame(), since=start + timedelta(hours=1)) == []
    assert diagnose(log.frame().iloc[:0]) == []


def test_a_task_run_waiting_for_nothing_known_blames_nobody(log: Log) -> None:
    """Threads of the flow run held it up: its tag was never full."""
    rules = Optimizing(fewest_runs=3)
    for run in range(3):
        begin = 100 * run
        for number in range(4):
            payload = {"limits": {"tag:pages": 10}}
            times = (begin, begin + 3 * number, begin + 3 * number + 3)
            log._add("task_run", f"f{run}", times, payload)
        log.flow(f"f{run}", begin, begin, begin + 12, executor=None)
    (found,) = diagnose(log.frame(), rules=rules)
    costs = {each.name: each.seconds for each in found.causes}
    assert costs["tag limit"] == 0
