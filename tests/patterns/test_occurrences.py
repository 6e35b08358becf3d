"""Each failure counts once, for the pattern it was of and the flow run it was in."""

from datetime import timedelta

from grace.patterns.library import Library
from grace.patterns.occurrences import Occurrence, occurrences
from tests.proposing import NOON

DAY = timedelta(days=1)
FULL = "Task run encountered an exception RuntimeError: queue 7 is full"
FLOW = "Flow run encountered an exception: RuntimeError: queue 9 is full"


def seen(store, since=NOON, until=NOON + DAY) -> list[Occurrence]:
    return occurrences(store, Library.load(store), since, until)


def told(store) -> list[tuple[str, str | None]]:
    """Unit and run of each occurrence."""
    return [(each.unit, each.run) for each in seen(store)]


def test_a_flow_run_that_passes_on_the_error_of_its_task_counts_once(
    failing, learned, store
) -> None:
    run = failing.task(FULL, "flow-1")
    failing.flow(FLOW, "flow-1")
    learned()
    assert told(store) == [("flow-1", run)]


def test_that_holds_through_subflows_and_for_retried_flow_runs(failing, learned, store) -> None:
    """The parent passes on what its subflow passed on; a retry of the whole run tells it again."""
    failing.flow(FLOW, "parent")
    failing.flow(FLOW, "child", parent_process="parent")
    run = failing.task(FULL, "child")
    failing.attempt(FLOW, True, metadata={"flow_run": "child", "task_run": None, "attempt": 2})
    learned()
    assert told(store) == [("child", run)]


def test_a_flow_run_that_fails_by_itself_or_otherwise_counts(failing, learned, store) -> None:
    failing.flow(FLOW, "alone")
    failing.task("ValueError: bad", "other", process_id="run")
    failing.flow(FLOW, "other")
    learned()
    assert told(store) == [("alone", "alone"), ("other", "run"), ("other", "other")]
    assert len({each.fingerprint for each in seen(store)}) == 2


def test_each_attempt_is_a_failure_healed_or_not(failing, learned, store) -> None:
    """Three attempts that failed: two were to be healed by a retry, the last ended the run."""
    about = {"flow_run": "flow-1", "task_run": "run-x", "task": "fetch"}
    failing.attempt("RuntimeError('queue 1 is full')", False, metadata=about)
    failing.attempt("RuntimeError('queue 2 is full')", False, metadata=about)
    failing.task(FULL, "flow-1", process_id="run-x", execution_time_seconds=4.5)
    learned()
    assert told(store) == [("flow-1", "run-x")] * 3
    assert {each.part for each in seen(store)} == {"fetch"}
    assert [each.seconds for each in seen(store)] == [None, None, 4.5]


def test_outside_prefect_the_hour_is_the_unit(failing, learned, store) -> None:
    failing.shard("lost shard 1")
    failing.shard("lost shard 2")
    failing.attempt("lost shard 3", None, attempted_at=NOON + timedelta(hours=1))
    learned()
    assert {each.unit for each in seen(store)} == {"2026-03-01T12", "2026-03-01T13"}


def test_only_the_newest_revision_counts(failing, learned, store) -> None:
    """A run that was put down as failed and completed after all is no failure."""
    run = failing.task(FULL, "flow-1")
    failing.task(None, "flow-1", process_id=run, success=True, status="Completed")
    other = failing.task("RuntimeError: queue 1 is full", "flow-2")
    failing.task("ValueError: worse", "flow-2", process_id=other)
    learned()
    (found,) = seen(store)
    assert Library.load(store).pattern(found.fingerprint).template == "ValueError: worse"


def test_what_is_not_learned_or_says_nothing_is_of_no_pattern(failing, learned, store) -> None:
    """It is there all the same: nothing is dropped."""
    failing.task(None, "flow-1")
    learned()
    failing.task(FULL, "flow-2")
    assert [(each.unit, each.fingerprint) for each in seen(store)] == [
        ("flow-1", None),
        ("flow-2", None),
    ]


def test_the_end_of_a_span_is_not_in_it(failing, learned, store) -> None:
    for flow_run in "abc":
        failing.task(FULL, flow_run)
    failing.attempt("RuntimeError: queue 1 is full", None, attempted_at=None)
    learned()
    minutes = [NOON + timedelta(minutes=n) for n in range(5)]
    assert [each.unit for each in seen(store, minutes[1], minutes[2])] == ["b"]
    (undated,) = seen(store, minutes[3], minutes[4])
    assert undated.at == minutes[3]
