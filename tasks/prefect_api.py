"""Paged reads of runs, names, limits and log lines from Prefect's REST API.

The raw answers are read, not Prefect's own models: that is five times as fast.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import quote

from prefect.client.orchestration import SyncPrefectClient

from grace.ingestion.prefect_flow_retries import StateChange
from grace.ingestion.prefect_records import FlowRun, LogLine, TaskRun
from grace.ingestion.prefect_workers import Worker
from grace.settings import Settings
from tasks.watched import watched_client

if TYPE_CHECKING:
    from prefect.client.orchestration.routes import ServerRoutes

__all__ = ["Deployment", "RunHistory", "Window", "run_history"]

PAGE = 200
INFO = 20
MICROSECOND = timedelta(microseconds=1)

Kind = Literal["flow_runs", "task_runs"]
Answer = dict[str, object]
Question = Mapping[str, object]

# a subflow's wrapper task run only stands for the subflow run, which is read itself
_ONLY_WORK: dict[Kind, dict[str, object]] = {
    "flow_runs": {},
    "task_runs": {"subflow_runs": {"exists_": False}},
}


@dataclass(frozen=True)
class Window:
    """From `after` to `until`, both included: a run that stands on a border is read twice."""

    after: datetime
    until: datetime


@dataclass(frozen=True)
class Deployment:
    name: str
    limit: int | None


@dataclass(frozen=True)
class RunHistory:
    client: SyncPrefectClient

    def count(self, window: Window) -> int:
        """Flow runs and task runs that ended in the window."""
        return sum(
            cast(int, self._post(f"/{kind}/count", {kind: _ended(kind, window)}))
            for kind in _ONLY_WORK
        )

    def flow_runs_ended(self, window: Window) -> list[FlowRun]:
        return [FlowRun.model_validate(run) for run in self._ended("flow_runs", window)]

    def task_runs_ended(self, window: Window) -> list[TaskRun]:
        return [TaskRun.model_validate(run) for run in self._ended("task_runs", window)]

    def flow_runs(self, ids: Iterable[str]) -> list[FlowRun]:
        return [FlowRun.model_validate(run) for run in self._by_id("flow_runs", ids)]

    def task_runs(self, ids: Iterable[str]) -> list[TaskRun]:
        return [TaskRun.model_validate(run) for run in self._by_id("task_runs", ids)]

    def flow_runs_under_way(self, started_after: datetime) -> list[FlowRun]:
        """Flow runs that have started and not ended, the suspended ones among them."""
        return [FlowRun.model_validate(run) for run in self._under_way("flow_runs", started_after)]

    def task_runs_under_way(self, started_after: datetime) -> list[TaskRun]:
        return [TaskRun.model_validate(run) for run in self._under_way("task_runs", started_after)]

    def oldest(self) -> datetime | None:
        """Before this, nothing ended; None where nothing ever ran."""
        sorts: dict[Kind, str] = {
            "flow_runs": "START_TIME_ASC",
            "task_runs": "EXPECTED_START_TIME_ASC",
        }
        times = []
        for kind, sort in sorts.items():
            for run in self._page(f"/{kind}/filter", {"sort": sort, "limit": 1}):
                known = (run["start_time"], run["expected_start_time"])
                times += [datetime.fromisoformat(str(time)) for time in known if time]
        return min(times, default=None)

    def flow_names(self, ids: Iterable[str]) -> dict[str, str]:
        return {str(flow["id"]): str(flow["name"]) for flow in self._by_id("flows", ids)}

    def deployments(self, ids: Iterable[str]) -> dict[str, Deployment]:
        return {
            str(found["id"]): Deployment(
                str(found["name"]), _limit(found.get("global_concurrency_limit"))
            )
            for found in self._by_id("deployments", ids)
        }

    def limits(self) -> dict[str, int]:
        """The limits of tags, work pools and work queues that are in force now, by key."""
        named = {
            str(found["name"]): _limit(found)
            for found in self._all("/v2/concurrency_limits/filter")
        }
        in_force = {key: limit for key, limit in named.items() if key.startswith("tag:")}
        for pool in self._all("/work_pools/filter"):
            in_force[f"work-pool:{pool['name']}"] = cast(int | None, pool["concurrency_limit"])
        for queue in self._all("/work_queues/filter"):
            key = f"work-queue:{queue['work_pool_name']}/{queue['name']}"
            in_force[key] = cast(int | None, queue["concurrency_limit"])
        return {key: limit for key, limit in in_force.items() if limit is not None}

    def log_lines(self, task_run_ids: Sequence[str]) -> list[LogLine]:
        """Their lines of level INFO and above, in the order of time.

        Not searched by text: on SQLite before 3.44 Prefect's text filter answers 500.
        """
        found: list[LogLine] = []
        for chunk in _chunks(task_run_ids):
            wanted = {"task_run_id": {"any_": chunk}, "level": {"ge_": INFO}}
            body = {"logs": wanted, "sort": "TIMESTAMP_ASC"}
            found += [LogLine.model_validate(line) for line in self._all("/logs/filter", body)]
        return found

    def states(self, flow_run_ids: Iterable[str]) -> dict[str, list[StateChange]]:
        """All states that these flow runs were in, by run; one request each."""
        return {
            one: [StateChange.model_validate(s) for s in self._states(one)] for one in flow_run_ids
        }

    def workers(self) -> list[Worker]:
        """Those of every work pool, the ones that are gone among them."""
        return [
            Worker.model_validate(worker | {"pool": pool["name"]})
            for pool in self._all("/work_pools/filter")
            for worker in self._all(f"/work_pools/{quote(str(pool['name']))}/workers/filter")
        ]

    def _states(self, flow_run_id: str) -> list[Answer]:
        about = {"flow_run_id": flow_run_id}
        answer = self.client.request("GET", "/flow_run_states/", params=about)
        return cast(list[Answer], answer.json())

    def _ended(self, kind: Kind, window: Window) -> Iterator[Answer]:
        """Newest first, each once, by pages that begin where the last one ended in time.

        Pages by offset would lose runs whenever others enter or leave the window meanwhile.
        """
        seen: set[object] = set()
        until = window.until
        while until >= window.after:
            body = {kind: _ended(kind, Window(window.after, until)), "sort": "END_TIME_DESC"}
            page = self._page(f"/{kind}/filter", body | {"limit": PAGE})
            yield from _fresh(page, seen)
            if len(page) < PAGE:
                return
            last = datetime.fromisoformat(str(page[-1]["end_time"]))
            if last == until:  # a whole page of one instant: only the ids have an order there
                instant = {kind: _ended(kind, Window(last, last)), "sort": "ID_DESC"}
                yield from _fresh(self._all(f"/{kind}/filter", instant), seen)
                last -= MICROSECOND
            until = last

    def _under_way(self, kind: Kind, started_after: datetime) -> Iterator[Answer]:
        started = {"is_null_": False, "after_": started_after.isoformat()}
        wanted = _ONLY_WORK[kind] | {"start_time": started, "end_time": {"is_null_": True}}
        return self._all(f"/{kind}/filter", {kind: wanted, "sort": "ID_DESC"})

    def _by_id(
        self, kind: Kind | Literal["flows", "deployments"], ids: Iterable[str]
    ) -> Iterator[Answer]:
        for chunk in _chunks(sorted(set(ids))):
            body = {kind: {"id": {"any_": chunk}}, "limit": PAGE}
            yield from self._page(f"/{kind}/filter", body)

    def _all(self, path: str, body: Question | None = None) -> Iterator[Answer]:
        offset = 0
        while True:
            page = self._page(path, dict(body or {}) | {"limit": PAGE, "offset": offset})
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE

    def _page(self, path: str, body: Question) -> list[Answer]:
        return cast(list[Answer], self._post(path, body))

    def _post(self, path: str, body: Question) -> object:
        answer: object = self.client.request("POST", cast("ServerRoutes", path), json=body).json()
        return answer


@contextmanager
def run_history(settings: Settings) -> Iterator[RunHistory]:
    """That of the installation that the log is about.

    Raises Unreachable where its server does not answer, or answers with an error.
    """
    with watched_client(settings) as client:
        yield RunHistory(client)


def _ended(kind: Kind, window: Window) -> dict[str, object]:
    span = {"after_": window.after.isoformat(), "before_": window.until.isoformat()}
    return _ONLY_WORK[kind] | {"end_time": span}


def _fresh(page: Iterable[Answer], seen: set[object]) -> Iterator[Answer]:
    for run in page:
        if run["id"] not in seen:
            seen.add(run["id"])
            yield run


def _limit(found: object) -> int | None:
    """The value of a limit that is active."""
    if not isinstance(found, dict) or not found["active"]:
        return None
    return int(found["limit"])


def _chunks(ids: Sequence[str]) -> Iterator[list[str]]:
    return (list(ids[start : start + PAGE]) for start in range(0, len(ids), PAGE))
