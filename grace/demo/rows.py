"""Rows of the log from the simulated runs, by way of the records that Prefect would have kept.

What turns them into rows is the ingestion's own code, so that an engine cannot tell the difference.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from grace.demo.runs import FlowRun, TaskRun
from grace.demo.world import RETRIES, Ended
from grace.ingestion import prefect_records as prefect
from grace.ingestion.prefect_runs import Home, Row, flow_run_row, retry_rows, task_run_row

__all__ = ["SOURCE", "rows_of"]

SOURCE = "simulator"
POOL, WORKER = "shop-pool", "shop-worker"
DIGITS = "0" * 8  # in place of those of a task's code

Clock = Callable[[float], datetime]


def rows_of(ended: Ended, begin: datetime) -> dict[str, list[Row]]:
    """By table, what is new; `begin` is the moment at which the simulation's clock stood at 0."""

    def clock(seconds: float) -> datetime:
        return begin + timedelta(seconds=seconds)

    runs = [_flow_row(run, clock, is_over=False) for run in ended.begun if run.ended is None]
    runs += [_flow_row(run, clock, is_over=True) for run in ended.flow_runs]
    runs += [_task_row(run, clock) for run in ended.task_runs]
    retries = [row for run in ended.task_runs for row in _retry_rows(run, clock)]
    return {"parallel_process_logs": runs, "healing_attempts": retries}


def _home(run: FlowRun) -> Home:
    job = run.job
    return Home(job.flow, f"{job.flow}/{job.deployment}", None, f"{POOL}/default", WORKER)


def _flow_row(run: FlowRun, clock: Clock, *, is_over: bool) -> Row:
    assert run.started is not None
    ended = run.ended if is_over else None
    told = f"Flow run encountered an exception: {': '.join(run.error)}" if run.error else None
    record = prefect.FlowRun.model_validate(
        {
            "id": run.id,
            "flow_id": run.job.flow,
            "name": run.name,
            "run_count": 1,
            "expected_start_time": clock(run.due),
            "start_time": clock(run.started),
            "end_time": None if ended is None else clock(ended),
            "total_run_time": 0.0 if ended is None else ended - run.started,
        }
        | (_state(told) if is_over else {"state_type": "RUNNING", "state_name": "Running"})
    )
    return flow_run_row(record, _home(run), {})


def _task_row(run: TaskRun, clock: Clock) -> Row:
    service = run.flow_run.job.service
    limits = {f"tag:{service}": run.limit} if service and run.limit is not None else {}
    return task_run_row(_record(run, clock), _home(run.flow_run), limits)


def _retry_rows(run: TaskRun, clock: Clock) -> list[Row]:
    return retry_rows(_record(run, clock), _home(run.flow_run), _log_lines(run, clock))


def _record(run: TaskRun, clock: Clock) -> prefect.TaskRun:
    job = run.flow_run.job
    assert run.started is not None
    assert run.ended is not None
    told = f"Task run encountered an exception {': '.join(run.error)}" if run.error else None
    return prefect.TaskRun.model_validate(
        {
            "id": run.id,
            "name": f"{job.task}-{run.place}",
            "tags": (job.service,) if job.service else (),
            "run_count": run.attempts,
            "expected_start_time": clock(run.queued),
            "start_time": clock(run.started),
            "end_time": clock(run.ended),
            "total_run_time": run.worked,
            "flow_run_id": run.flow_run.id,
            "task_key": f"{job.task}-{DIGITS}",
        }
        | _state(told)
    )


def _state(error: str | None) -> dict[str, object]:
    if error is None:
        return {"state_type": "COMPLETED", "state_name": "Completed"}
    return {"state_type": "FAILED", "state_name": "Failed", "state": {"message": error}}


def _log_lines(run: TaskRun, clock: Clock) -> list[prefect.LogLine]:
    """What Prefect logs of each attempt that failed; it is the only place that tells its error."""
    lines = []
    for number, failure in enumerate(run.failures, 1):
        kind, message = failure.error
        then = (
            "Retries are exhausted"
            if failure.again_in is None
            else f"Retry {number}/{RETRIES} will start {failure.again_in:g} second(s) from now"
        )
        text = f"Task run failed with exception: {kind}({message!r}) - {then}"
        lines.append(prefect.LogLine(task_run_id=run.id, timestamp=clock(failure.at), message=text))
    return lines
