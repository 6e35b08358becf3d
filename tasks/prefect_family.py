"""What runs belong to: their flow, deployment and worker, the runs above them, their limits."""

from collections.abc import Iterable
from datetime import datetime

from grace.ingestion.prefect_records import FlowRun, TaskRun
from grace.ingestion.prefect_runs import Home, Limits
from tasks.prefect_api import Deployment, RunHistory

__all__ = ["Family"]


class Family:
    """Knows the runs that it met, and keeps only names and limits from one meeting to the next.

    `in_force` holds the limits as they were when they were first read: those of deployments when
    a run of theirs was met, all others at the beginning.
    """

    def __init__(self, history: RunHistory) -> None:
        self._history = history
        self._flow_names: dict[str, str] = {}
        self._deployments: dict[str, Deployment] = {}
        self._flow_runs: dict[str, FlowRun] = {}
        self._caller_of: dict[str, str | None] = {}
        self._ended_at: dict[str, datetime | None] = {}
        self.in_force: Limits = history.limits()

    def meet(self, flow_runs: Iterable[FlowRun], task_runs: Iterable[TaskRun]) -> None:
        """Get to know these runs and all that they belong to; earlier ones are forgotten."""
        task_runs = list(task_runs)
        self._flow_runs = {run.id: run for run in flow_runs}
        self._caller_of = {}
        self._meet_flow_runs({run.flow_run_id for run in task_runs if run.flow_run_id})
        self._climb()
        self._meet_names()
        self._ended_at = {run.id: run.end_time for run in task_runs}
        upstream = {before for run in task_runs for before in run.upstream}
        missing = self._history.task_runs(upstream - self._ended_at.keys())
        self._ended_at |= {run.id: run.end_time for run in missing}

    def home(self, flow_run_id: str | None) -> Home | None:
        """None for a run outside every flow, or one whose flow run was deleted."""
        run = self._flow_runs.get(flow_run_id or "")
        if run is None:
            return None
        return Home(
            flow=self._flow_names.get(run.flow_id, run.flow_id),
            deployment=self._deployment_name(run),
            parent=self._parent(run),
            executor=run.executor,
            worker=run.worker,
            tags=self._tags(run),
        )

    def ready_at(self, run: TaskRun) -> datetime | None:
        """When the last of the task runs before it ended."""
        ends = (self._ended_at.get(before) for before in run.upstream)
        return max((end for end in ends if end is not None), default=None)

    def _parent(self, run: FlowRun) -> str | None:
        return self._caller_of.get(run.parent_task_run_id or "")

    def _tags(self, run: FlowRun) -> frozenset[str]:
        parent = self._flow_runs.get(self._parent(run) or "")
        return frozenset(run.tags) | (self._tags(parent) if parent else frozenset())

    def _deployment_name(self, run: FlowRun) -> str | None:
        found = self._deployments.get(run.deployment_id or "")
        flow = self._flow_names.get(run.flow_id, run.flow_id)
        return f"{flow}/{found.name}" if found else None

    def _meet_flow_runs(self, ids: set[str]) -> None:
        missing = self._history.flow_runs(ids - self._flow_runs.keys())
        self._flow_runs |= {run.id: run for run in missing}

    def _climb(self) -> None:
        """From each subflow run to the task run that stands for it, and to that one's flow run."""
        while True:
            wrappers = {run.parent_task_run_id for run in self._flow_runs.values()}
            missing = {one for one in wrappers if one} - self._caller_of.keys()
            if not missing:
                return
            callers = {run.id: run.flow_run_id for run in self._history.task_runs(missing)}
            self._caller_of |= {wrapper: callers.get(wrapper) for wrapper in missing}
            self._meet_flow_runs({caller for caller in callers.values() if caller})

    def _meet_names(self) -> None:
        runs = self._flow_runs.values()
        flows = {run.flow_id for run in runs} - self._flow_names.keys()
        self._flow_names |= self._history.flow_names(flows)
        ids = {run.deployment_id for run in runs if run.deployment_id}
        self._deployments |= self._history.deployments(ids - self._deployments.keys())
        limits = {
            f"deployment:{self._deployment_name(run)}": self._deployments[run.deployment_id].limit
            for run in runs
            if run.deployment_id in self._deployments
        }
        known = {key: limit for key, limit in limits.items() if limit is not None}
        self.in_force = {**known, **self.in_force}
