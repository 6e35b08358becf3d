"""Rows of the log from Prefect's runs: each run one, each retry of a task one.

A finished run is a fact and its row does not change. A flow run that has started and not ended is
logged too, without an end, so that a reader sees what is under way; its end is a later revision.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from grace.ingestion.prefect_records import FlowRun, LogLine, TaskRun

__all__ = ["Home", "Limits", "Row", "flow_run_row", "retry_rows", "task_run_row"]

Row = dict[str, object]
Limits = Mapping[str, int]

_FAILURE = re.compile(
    r"^Task run failed with (?:exception|state): (?P<error>.*?)"
    r" - (?:Retry (?P<retry>\d+)/\d+ will start|(?P<last>Retries are exhausted))",
    re.DOTALL,
)
_ERROR_TYPE = re.compile(r"^([A-Za-z_][\w.]*)\(")


@dataclass(frozen=True)
class Home:
    """What a flow run belongs to. `parent` is the flow run that called it as a subflow.

    `tags` are its own and those of all flow runs above it. `deployment` is written `flow/name`.
    """

    flow: str
    deployment: str | None = None
    parent: str | None = None
    executor: str | None = None
    worker: str | None = None
    tags: frozenset[str] = field(default_factory=frozenset)

    def limits(self, in_force: Limits) -> dict[str, int]:
        """Those that govern the start of such a flow run."""
        pool = (self.executor or "").partition("/")[0]
        keys = (f"deployment:{self.deployment}", f"work-pool:{pool}", f"work-queue:{self.executor}")
        return _governing(keys, in_force)


def flow_run_row(run: FlowRun, home: Home, in_force: Limits) -> Row:
    """`in_force` holds the value of every limit at the time of reading, by key."""
    payload = _payload(run, home, home.limits(in_force))
    return _row(run, home, "flow_run", home.deployment or home.flow, home.parent, payload)


def task_run_row(
    run: TaskRun, home: Home | None, in_force: Limits, ready_at: datetime | None = None
) -> Row:
    """`ready_at` is when the last task run before it ended, where that is after it was queued.

    In Prefect 3.8 a task run takes a slot of the limit `tag:NAME` for each of its tags, once its
    inputs are there and before it is Running, and keeps it through its retries.
    """
    payload = _payload(run, home, _governing([f"tag:{tag}" for tag in run.tags], in_force))
    queued_at = run.expected_start_time
    if ready_at is not None and queued_at is not None and ready_at > queued_at:
        payload["ready_at"] = ready_at.isoformat()
    return _row(run, home, "task_run", run.task_name, run.flow_run_id, payload)


def retry_rows(run: TaskRun, home: Home | None, lines: Sequence[LogLine]) -> list[Row]:
    """One row for each attempt after the first, with the error that called for it.

    `lines` are the run's log lines in the order of time. Where the line of a failure is missing,
    `error_message` is null and the attempt is dated by the end of the run.
    """
    failures = _failures(lines)
    return [
        _retry_row(run, home, attempt, failures) for attempt in range(2, (run.run_count or 1) + 1)
    ]


def _governing(keys: Sequence[str], in_force: Limits) -> dict[str, int]:
    return {key: in_force[key] for key in sorted(keys) if key in in_force}


def _payload(run: FlowRun | TaskRun, home: Home | None, limits: dict[str, int]) -> Row:
    return {
        "run": run.name,
        "flow": home.flow if home else None,
        "deployment": home.deployment if home else None,
        "tags": sorted(run.tags),
        "run_count": run.run_count,
        "limits": limits,
    }


def _row(
    run: FlowRun | TaskRun,
    home: Home | None,
    process_type: str,
    task_name: str,
    parent: str | None,
    payload: Row,
) -> Row:
    message, ended = run.message, run.end_time is not None
    return {
        "process_id": run.id,
        "process_type": process_type,
        "executor": home.executor if home else None,
        "worker_name": home.worker if home else None,
        "task_name": task_name,
        "task_payload": payload,
        "parent_process": parent,
        "status": run.state_name,
        "queued_at": run.expected_start_time,
        "started_at": run.started_at,
        "completed_at": run.end_time,
        "wait_time_seconds": run.wait_seconds,
        "execution_time_seconds": run.total_run_time if ended and run.started_at else None,
        "success": run.success,
        "result": {"message": message} if message and run.success else None,
        "error": message if not run.success else None,
        "timestamp": run.end_time or run.start_time or run.expected_start_time,
    }


def _failures(lines: Sequence[LogLine]) -> dict[int, tuple[datetime, str]]:
    """When and with which error each attempt failed, by its number."""
    found = {}
    for line in lines:
        if match := _FAILURE.match(line.message):
            attempt = int(match["retry"]) if match["retry"] else 0  # 0: the last one
            found[attempt] = (line.timestamp, match["error"])
    return found


def _retry_row(
    run: TaskRun, home: Home | None, attempt: int, failures: dict[int, tuple[datetime, str]]
) -> Row:
    failed_at, error = failures.get(attempt - 1, (run.end_time, None))
    is_last = attempt == run.run_count
    _, own_error = failures.get(0 if is_last else attempt, (None, None))
    success = run.success if is_last else False
    kind = _ERROR_TYPE.match(error) if error else None
    return {
        "attempt_id": f"{run.id}:{attempt}",
        "error_type": kind[1] if kind else None,
        "error_message": error,
        "fix_type": "retry",
        "fix_description": f"attempt {attempt} of {run.run_count}",
        "detected_by": "prefect",
        "attempted_at": failed_at,
        "applied_at": failed_at if error else None,
        "verified_at": run.end_time if is_last else failures.get(attempt, (None, None))[0],
        "status": run.state_name if is_last else "Failed",
        "success": success,
        "failure_reason": (own_error or run.message) if is_last and success is False else own_error,
        "metadata": {
            "task": run.task_name,
            "task_run": run.id,
            "flow_run": run.flow_run_id,
            "deployment": home.deployment if home else None,
            "attempt": attempt,
        },
    }
