"""The few requests to Prefect's REST API that bringing it up needs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from grace.errors import Unreachable

__all__ = ["PrefectApi", "RunningRun", "ScheduledRun", "connected"]

_PAGE = 200
_TIMEOUT_SECONDS = 60
_BUSY_TRIES = 60
_BUSY_SECONDS = 0.5


@dataclass(frozen=True)
class RunningRun:
    """`place` is the process as the worker noted it: a pid, by some workers `hostname:pid`.

    `since` is when the run got the state that it has.
    """

    id: str
    name: str
    pool: str | None
    place: str | None
    since: datetime


@dataclass(frozen=True)
class ScheduledRun:
    id: str
    deployment_id: str


@dataclass(frozen=True)
class PrefectApi:
    client: httpx.Client

    def is_healthy(self) -> bool:
        try:
            return self.client.get("/health", timeout=2).is_success
        except httpx.TransportError:
            return False

    def pool(self, name: str) -> dict[str, object] | None:
        """The work pool, or None as long as no worker has made it whole."""
        response = self.client.get(f"/work_pools/{name}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        pool: dict[str, object] = response.raise_for_status().json()
        return pool if pool["base_job_template"] else None

    def limit_pool(self, name: str, runs: int) -> None:
        self.client.patch(
            f"/work_pools/{name}", json={"concurrency_limit": runs}
        ).raise_for_status()

    def has_tag_limit(self, tag: str) -> bool:
        response = self.client.get(f"/v2/concurrency_limits/tag:{tag}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return False
        return response.raise_for_status().is_success

    def create_tag_limit(self, tag: str, tasks: int) -> None:
        limit = {"name": f"tag:{tag}", "limit": tasks, "active": True}
        self.client.post("/v2/concurrency_limits/", json=limit).raise_for_status()

    def active_deployments(self, tag: str) -> dict[str, str]:
        """Names, by id, of the deployments with this tag that are not paused."""
        wanted = {"deployments": {"tags": {"all_": [tag]}, "paused": {"eq_": False}}}
        found = self.client.post("/deployments/filter", json=wanted).raise_for_status().json()
        return {deployment["id"]: deployment["name"] for deployment in found}

    def delete_deployment(self, name: str) -> None:
        """With its schedules and the runs that they planned; one that is no more is no error."""
        found = self.client.get(f"/deployments/name/{name}")
        if found.status_code == httpx.codes.NOT_FOUND:
            return
        number = found.raise_for_status().json()["id"]
        self.client.delete(f"/deployments/{number}").raise_for_status()

    def pause_deployment(self, deployment_id: str) -> None:
        """Deletes its scheduled runs too."""
        self.client.post(f"/deployments/{deployment_id}/pause_deployment").raise_for_status()

    def resume_deployment(self, deployment_id: str) -> None:
        """Does nothing to a deployment that is no more."""
        response = self.client.post(f"/deployments/{deployment_id}/resume_deployment")
        if response.status_code != httpx.codes.NOT_FOUND:
            response.raise_for_status()

    def running_runs(self, *, also_starting: bool = False) -> list[RunningRun]:
        """All runs in a state of type Running or Cancelling, and of type Pending on request."""
        types = ["RUNNING", "CANCELLING", *(["PENDING"] if also_starting else [])]
        return [
            RunningRun(
                run["id"],
                run["name"],
                run["work_pool_name"],
                run["infrastructure_pid"],
                datetime.fromisoformat(run["state"]["timestamp"]),
            )
            for run in self._runs({"state": {"type": {"any_": types}}})
        ]

    def workers(self, pool: str) -> int:
        """How many workers of this pool were heard of lately."""
        found = self.client.post(f"/work_pools/{pool}/workers/filter", json={}).raise_for_status()
        return sum(worker["status"] == "ONLINE" for worker in found.json())

    def overdue_runs(self, now: datetime) -> list[ScheduledRun]:
        """All runs of schedules whose time has passed and that no worker took up, newest first."""
        wanted = {
            "state": {"name": {"any_": ["Scheduled", "Late"]}},
            "expected_start_time": {"before_": now.isoformat()},
        }
        return [
            ScheduledRun(run["id"], run["deployment_id"])
            for run in self._runs(wanted)
            if run["auto_scheduled"] and not run["run_count"] and run["deployment_id"]
        ]

    def _runs(self, wanted: dict[str, object]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            body = {
                "flow_runs": wanted,
                "sort": "EXPECTED_START_TIME_DESC",
                "limit": _PAGE,
                "offset": len(found),
            }
            page = self.client.post("/flow_runs/filter", json=body).raise_for_status().json()
            found += page
            if len(page) < _PAGE:
                return found

    def delete_run(self, run_id: str) -> None:
        self.client.delete(f"/flow_runs/{run_id}").raise_for_status()

    def crash(self, run_id: str, message: str) -> None:
        """Sets a flow run and its running task runs to Crashed, which frees the slots they hold."""
        tasks = {
            "flow_runs": {"id": {"any_": [run_id]}},
            "task_runs": {"state": {"type": {"any_": ["RUNNING"]}}},
        }
        found = self.client.post("/task_runs/filter", json=tasks).raise_for_status().json()
        for place in (*(f"task_runs/{task['id']}" for task in found), f"flow_runs/{run_id}"):
            state = {"type": "CRASHED", "name": "Crashed", "message": message}
            change = {"state": state, "force": True}
            self.client.post(f"/{place}/set_state", json=change).raise_for_status()


class _Patient(httpx.HTTPTransport):
    """Asks again when SQLite was busy, which Prefect answers with 503 having done nothing."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(_BUSY_TRIES):
            response = super().handle_request(request)
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return response
            response.close()
            time.sleep(_BUSY_SECONDS)
        return super().handle_request(request)


@contextmanager
def connected(api_url: str, credential: str | None = None) -> Iterator[PrefectApi]:
    """`credential` is `NAME:SECRET`, for a server where people sign in.

    Raises:
    Unreachable: the server does not answer, or answers with an error.
    """
    # a transport of one's own heeds no proxy of the environment: the server is on this machine
    name, _, secret = (credential or "").partition(":")
    with httpx.Client(
        base_url=api_url,
        auth=(name, secret) if credential else None,
        timeout=_TIMEOUT_SECONDS,
        transport=_Patient(),
        trust_env=False,
    ) as client:
        try:
            yield PrefectApi(client)
        except httpx.HTTPStatusError as error:
            said = f"{error.response.status_code} {error.response.text}"
            raise Unreachable(f"Prefect at {api_url} refused: {said}") from error
        except httpx.TransportError as error:
            raise Unreachable(f"Prefect at {api_url} does not answer: {error}") from error
