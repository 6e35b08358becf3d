"""Runs and log lines as Prefect's REST API answers them, of which only what Grace reads is kept.

Measured on 3.8.8: a run that is cancelled before it starts has `start_time == end_time` and a
`run_count` of 0; `total_run_time` holds neither suspended nor paused time nor the delay before a
retry; a task retried with its whole flow is a new task run.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["FlowRun", "LogLine", "TaskRun"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _StateDetails(_Record):
    child_flow_run_id: str | None = None


class _State(_Record):
    message: str | None = None
    state_details: _StateDetails = _StateDetails()


class _Run(_Record):
    id: str
    name: str
    tags: tuple[str, ...] = ()
    state_type: str | None = None
    state_name: str | None = None
    state: _State | None = None
    run_count: int = 0
    expected_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0

    @property
    def started_at(self) -> datetime | None:
        """The first Running state; None for a run that ended without one."""
        return self.start_time if self.run_count else None

    @property
    def wait_seconds(self) -> float | None:
        """From the expected start to the first Running state; 0 for a run started ahead of it."""
        if self.started_at is None or self.expected_start_time is None:
            return None
        return max(0.0, (self.started_at - self.expected_start_time).total_seconds())

    @property
    def success(self) -> bool | None:
        """None for a run that has not ended, and for a cancelled one, which counts neither way."""
        outcomes = {"COMPLETED": True, "FAILED": False, "CRASHED": False}
        return outcomes.get(self.state_type or "")

    @property
    def message(self) -> str | None:
        return (self.state.message if self.state else None) or None


class FlowRun(_Run):
    flow_id: str
    deployment_id: str | None = None
    parent_task_run_id: str | None = None
    labels: dict[str, object] = Field(default_factory=dict)
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    infrastructure_pid: str | None = None

    @property
    def executor(self) -> str | None:
        """`pool/queue`, None for a run that no worker started."""
        if self.work_pool_name is None:
            return None
        return f"{self.work_pool_name}/{self.work_queue_name or 'default'}"

    @property
    def worker(self) -> str | None:
        """The worker's name, else the `host:pid` or other place where it put the run."""
        name = self.labels.get("prefect.worker.name")
        return str(name) if name else self.infrastructure_pid


class _TaskInput(_Record):
    input_type: str
    id: str | None = None


class TaskRun(_Run):
    flow_run_id: str | None = None
    task_key: str = ""
    flow_run_run_count: int = 0
    task_inputs: dict[str, tuple[_TaskInput, ...]] = Field(default_factory=dict)

    @property
    def task_name(self) -> str:
        """The function's name: the API keeps no other, only this with 8 hex digits of its code."""
        name, _, digits = self.task_key.rpartition("-")
        is_digest = len(digits) == 8 and all(digit in "0123456789abcdef" for digit in digits)
        return name if name and is_digest else self.task_key

    @property
    def upstream(self) -> frozenset[str]:
        """Ids of the task runs that had to end before this one could start."""
        inputs = (one for given in self.task_inputs.values() for one in given)
        return frozenset(one.id for one in inputs if one.input_type == "task_run" and one.id)

    @property
    def is_wrapper(self) -> bool:
        """Whether it only stands for a subflow run in its parent's graph."""
        return bool(self.state and self.state.state_details.child_flow_run_id)


class LogLine(_Record):
    task_run_id: str | None
    timestamp: datetime
    message: str
