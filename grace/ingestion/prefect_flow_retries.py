"""Retries of whole flow runs in `healing_attempts`, from the history of their states.

Unlike a task run's, each state of a flow run is kept, and that of a failure that is retried
(AwaitingRetry) carries its error. So an attempt is a Running state that follows a failure, which
leaves out a run that was paused or suspended and went on. An attempt that a person asked for after
the end counts as well.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from grace.ingestion.prefect_records import FlowRun
from grace.ingestion.prefect_runs import Home, Row

__all__ = ["StateChange", "flow_retry_rows"]

_ERROR_TYPE = re.compile(r"encountered an exception:? (?P<type>[A-Za-z_][\w.]*)(?::|$)")
_SUCCESS = {"COMPLETED": True, "FAILED": False, "CRASHED": False}


class StateChange(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    name: str
    timestamp: datetime
    message: str | None = None

    @property
    def is_failure(self) -> bool:
        return self.name == "AwaitingRetry" or self.type in ("FAILED", "CRASHED")


@dataclass(frozen=True)
class _Attempt:
    number: int
    failure: StateChange  # that of the attempt before it
    running: StateChange
    end: StateChange


def flow_retry_rows(run: FlowRun, home: Home, states: Sequence[StateChange]) -> list[Row]:
    """One row for each attempt that has ended; `states` are all of the run's, in any order."""
    return [_retry_row(run, home, attempt) for attempt in _attempts(states)]


def _attempts(states: Sequence[StateChange]) -> Iterator[_Attempt]:
    number, failure, running = 1, None, None
    for state in sorted(states, key=lambda state: state.timestamp):
        is_down = failure is not None and running is None
        if state.type == "RUNNING" and is_down:
            number, running = number + 1, state
        elif state.name == "AwaitingRetry" and is_down:
            continue  # asked for from outside, after the failure itself
        elif state.is_failure or state.type in ("COMPLETED", "CANCELLED"):
            if failure is not None and running is not None:
                yield _Attempt(number, failure, running, state)
            failure, running = (state if state.is_failure else None), None


def _retry_row(run: FlowRun, home: Home, attempt: _Attempt) -> Row:
    failure, end = attempt.failure, attempt.end
    success = False if end.is_failure else _SUCCESS.get(end.type)
    kind = _ERROR_TYPE.search(failure.message or "")
    return {
        "attempt_id": f"{run.id}:{attempt.number}",
        "error_type": kind["type"] if kind else None,
        "error_message": failure.message,
        "fix_type": "retry",
        "fix_description": f"attempt {attempt.number} of the whole flow run",
        "detected_by": "prefect",
        "attempted_at": failure.timestamp,
        "applied_at": attempt.running.timestamp,
        "verified_at": end.timestamp,
        "status": "Failed" if end.is_failure else end.name,
        "success": success,
        "failure_reason": end.message if success is False else None,
        "metadata": {
            "task": home.deployment or home.flow,
            "task_run": None,
            "flow_run": run.id,
            "deployment": home.deployment,
            "attempt": attempt.number,
        },
    }
