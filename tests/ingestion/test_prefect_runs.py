"""Rows from Prefect's own answers, recorded from a 3.8.8 server in `recorded.json`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace.ingestion.prefect_records import FlowRun, LogLine, TaskRun
from grace.ingestion.prefect_runs import Home, flow_run_row, retry_rows, task_run_row
from grace.store.schema import LOGS

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
HOME = Home(flow="outer", deployment="outer/worked", executor="p1/default", worker="w-one")


def flow_run(name: str) -> FlowRun:
    return FlowRun.model_validate(RECORDED["flow_runs"][name])


def task_run(name: str) -> TaskRun:
    return TaskRun.model_validate(RECORDED["task_runs"][name])


def lines_of(run: TaskRun) -> list[LogLine]:
    lines = [LogLine.model_validate(line) for line in RECORDED["logs"]]
    return [line for line in lines if line.task_run_id == run.id]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-23T{text}").replace(tzinfo=UTC)


def test_a_worker_s_flow_run_says_where_and_by_whom_it_was_run() -> None:
    """Queue wait is 13.4 s from the expected to the real start; the run itself took 5.06 s."""
    run = flow_run("by_worker")
    home = Home("outer", "outer/worked", None, run.executor, run.worker)
    row = flow_run_row(run, home, {"deployment:outer/worked": 2, "work-pool:p1": 5, "tag:one": 1})
    assert row["executor"] == "p1/default"
    assert row["worker_name"] == "w-one"
    assert row["task_name"] == "outer/worked"
    assert row["wait_time_seconds"] == pytest.approx(13.414467)
    assert row["execution_time_seconds"] == pytest.approx(5.058548)
    assert (row["status"], row["success"], row["error"]) == ("Completed", True, None)
    assert row["timestamp"] == row["completed_at"] == utc("02:16:56.244122")
    assert row["task_payload"]["limits"] == {"deployment:outer/worked": 2, "work-pool:p1": 5}


def test_a_run_cancelled_before_its_start_neither_waited_nor_ran_nor_failed() -> None:
    """Prefect dates its start by its end: only the run count of 0 tells that it never ran."""
    run = flow_run("cancelled_before_start")
    assert run.start_time == run.end_time
    row = flow_run_row(run, Home("plain", "plain/d"), {})
    assert row["started_at"] is None
    assert row["wait_time_seconds"] is None
    assert row["execution_time_seconds"] is None
    assert row["success"] is None
    assert row["completed_at"] == utc("02:02:36.602377")


def test_paused_time_is_neither_wait_nor_execution() -> None:
    """7.7 s passed between start and end, 4.6 s of it paused."""
    run = flow_run("paused_for_a_while")
    row = flow_run_row(run, Home("paused", "paused/d"), {})
    passed = (run.end_time - run.start_time).total_seconds()
    assert passed == pytest.approx(7.715674)
    assert row["wait_time_seconds"] == pytest.approx(0.187265)
    assert row["execution_time_seconds"] == pytest.approx(3.115508)


def test_a_suspended_run_is_logged_without_an_end() -> None:
    """Its execution so far is no fact yet, and would be another one at each reading."""
    row = flow_run_row(flow_run("suspended"), Home("approval", "approval/d"), {})
    assert row["status"] == "Suspended"
    assert row["timestamp"] == row["started_at"]
    assert row["wait_time_seconds"] > 0
    gone = ("completed_at", "execution_time_seconds", "success")
    assert [row[name] for name in gone] == [None, None, None]


def test_a_subflow_belongs_to_the_flow_run_that_called_it() -> None:
    row = flow_run_row(flow_run("subflow"), Home("inner", parent="the-caller"), {})
    assert (row["parent_process"], row["task_name"]) == ("the-caller", "inner")


def test_a_task_run_carries_the_limits_of_its_tags_alone() -> None:
    in_force = {"tag:one": 1, "tag:two": 9, "deployment:outer/worked": 2}
    run = task_run("under_limit")
    row = task_run_row(run, HOME, in_force)
    assert row["task_payload"]["limits"] == {"tag:one": 1}
    assert row["task_name"] == "contend"
    assert row["parent_process"] == run.flow_run_id
    assert row["wait_time_seconds"] == pytest.approx(4.437975)
    assert "ready_at" not in row["task_payload"]


def test_waiting_for_other_tasks_is_told_apart() -> None:
    """Of its 4.85 s the downstream task waited 4.78 s for the one whose result it takes."""
    run = task_run("downstream")
    ended = task_run("under_limit").end_time
    assert task_run("under_limit").id in run.upstream
    assert len(run.upstream) == 2
    row = task_run_row(run, HOME, {}, ready_at=ended)
    assert row["wait_time_seconds"] == pytest.approx(4.85039)
    ready_at = datetime.fromisoformat(row["task_payload"]["ready_at"])
    assert (row["started_at"] - ready_at).total_seconds() == pytest.approx(0.070927)


def test_an_input_that_ended_before_the_run_was_queued_changes_nothing() -> None:
    run = task_run("downstream")
    early = run.expected_start_time - timedelta(seconds=1)
    assert "ready_at" not in task_run_row(run, HOME, {}, ready_at=early)["task_payload"]


def test_a_failed_run_says_why() -> None:
    row = task_run_row(task_run("failed"), HOME, {})
    assert (row["status"], row["success"]) == ("Failed", False)
    assert row["error"] == "Task run encountered an exception ValueError: never good"
    assert row["result"] is None


@pytest.mark.parametrize(
    ("state_type", "success"),
    [("COMPLETED", True), ("FAILED", False), ("CRASHED", False), ("CANCELLED", None)],
)
def test_cancelled_counts_neither_way(state_type: str, success: bool | None) -> None:
    run = task_run("failed").model_copy(update={"state_type": state_type})
    assert task_run_row(run, HOME, {})["success"] is success


def test_the_wrapper_of_a_subflow_is_known_as_such() -> None:
    assert task_run("wrapper").is_wrapper
    assert not task_run("under_limit").is_wrapper


def test_a_retry_that_healed_names_the_error_it_answered() -> None:
    run = task_run("healed")
    (row,) = retry_rows(run, HOME, lines_of(run))
    assert row["attempt_id"] == f"{run.id}:2"
    assert row["error_message"] == "ConnectionError('attempt 1 of a')"
    assert row["error_type"] == "ConnectionError"
    assert (row["success"], row["status"], row["failure_reason"]) == (True, "Completed", None)
    assert row["attempted_at"] == utc("02:01:01.451375")
    assert row["verified_at"] == run.end_time


def test_retries_that_failed_name_their_own_error_too() -> None:
    """Three attempts are two retries: one failed and was retried, the last one ended the run."""
    run = task_run("not_healed")
    second, third = retry_rows(run, HOME, lines_of(run))
    assert second["error_message"] == "ConnectionError('attempt 1 of b')"
    assert third["error_message"] == "ConnectionError('attempt 2 of b')"
    assert second["failure_reason"] == third["error_message"]
    assert third["failure_reason"] == "ConnectionError('attempt 3 of b')"
    assert (second["success"], third["success"]) == (False, False)
    assert second["verified_at"] == third["attempted_at"]


def test_an_error_that_stands_nowhere_is_null() -> None:
    """Without log lines only the last failure is known, from the final state."""
    run = task_run("not_healed")
    second, third = retry_rows(run, HOME, [])
    assert (second["error_message"], third["error_message"]) == (None, None)
    assert second["failure_reason"] is None
    assert third["failure_reason"] == run.message
    assert second["attempted_at"] == run.end_time


def test_a_task_that_ran_once_was_not_retried() -> None:
    assert retry_rows(task_run("failed"), HOME, []) == []


def test_rows_have_columns_of_their_tables_alone() -> None:
    rows = {
        "parallel_process_logs": task_run_row(task_run("healed"), HOME, {}),
        "healing_attempts": retry_rows(task_run("healed"), HOME, [])[0],
    }
    for table, row in rows.items():
        assert row.keys() <= set(LOGS[table].payload)


def test_a_task_name_without_a_digest_is_left_whole() -> None:
    named = {"page-refresh": "page-refresh", "fetch-7b676fd8": "fetch", "7b676fd8": "7b676fd8"}
    for key, name in named.items():
        assert task_run("healed").model_copy(update={"task_key": key}).task_name == name
