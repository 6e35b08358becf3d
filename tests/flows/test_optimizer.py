"""The optimizer's cycles: a part that fails hides nothing of the others, and real-time mode."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from prefect import task
from prefect.exceptions import ParameterTypeError

import flows.optimizer
from flows.optimizer import performance_optimizer
from grace.store.read import newest
from tasks.cycles import cycles
from tests.desk import Desk, run_deployed

NAME = "performance-optimizer/every-30-minutes"


@task(name="broken")
def broken(*_: object) -> None:
    raise OSError("the disk is gone")


def cycles_of(desk: Desk) -> list[tuple[int, dict]]:
    rows = newest(desk.store, "meta_loop_logs").sort_values("cycle_number")
    texts = zip(rows["cycle_number"], rows["snapshot_after"], strict=True)
    return [(int(number), json.loads(text)) for number, text in texts]


def test_a_part_that_fails_leaves_the_others_results_and_shows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each of two cycles of one run; the run ends failed, and says what and how often."""
    monkeypatch.setattr(flows.optimizer, "KINDS", (broken, *flows.optimizer.KINDS))
    monkeypatch.setattr(flows.optimizer, "cycles", partial(cycles, sleep=lambda _: None))
    with desk.store.writing(datetime.now(UTC)) as writer:
        row = {"process_id": "1", "process_type": "flow_run", "task_name": "a/often"}
        writer.append("parallel_process_logs", [row | {"timestamp": datetime.now(UTC)}])
    state = run_deployed(NAME, {"interval_seconds": 5, "cycles_at_most": 2})
    assert state.is_failed()
    assert "the disk is gone" in state.message
    assert "(2 times)" in state.message
    assert [number for number, _ in cycles_of(desk)] == [1, 2]
    for _, snapshot in cycles_of(desk):
        targets = {each["target"] for each in snapshot["findings"]}
        assert "activity" in targets


def test_the_form_says_what_may_be_written() -> None:
    schema = performance_optimizer.parameters.properties["interval_seconds"]
    assert (schema["anyOf"][0]["minimum"], schema["anyOf"][0]["maximum"]) == (5, 3600)
    assert schema["description"].startswith("Real-time mode")
    with pytest.raises(ParameterTypeError, match="greater than or equal to 5"):
        performance_optimizer.validate_parameters({"interval_seconds": 4})


def test_cycles_begin_at_the_interval_and_are_never_made_up_for() -> None:
    """The first cycle takes 12 s of an interval of 5: the second begins at once, not twice."""
    now, slept = [datetime(2026, 3, 1, tzinfo=UTC)], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += timedelta(seconds=seconds)

    began = []
    for number, at in cycles(5, 3, clock=lambda: now[0], sleep=sleep):
        began.append((number, (at - datetime(2026, 3, 1, tzinfo=UTC)).total_seconds()))
        now[0] += timedelta(seconds=12 if number == 1 else 1)
    assert began == [(1, 0.0), (2, 12.0), (3, 17.0)]
    assert slept == [0.0, 4.0]


def test_without_an_interval_there_is_one_cycle() -> None:
    assert [number for number, _ in cycles(None, None)] == [1]
