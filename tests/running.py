"""One real `grace up --sample` a test file, in a folder and on a port of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from grace.installation import Installation, read_installation
from grace.installation.environment import mark
from grace.installation.processes import Process, is_alive, marked
from grace.settings import Settings

__all__ = ["PAGE_REFRESH", "System", "rest_the_engines", "until"]

PAGE_REFRESH = "page-refresh/every-30-seconds"


@dataclass(frozen=True)
class System:
    settings: Settings

    def grace(self, *arguments: str) -> Any:
        """What a command answers as JSON."""
        done = subprocess.run(
            [sys.executable, "-m", "grace.cli", "--json", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @property
    def environment(self) -> dict[str, str]:
        own = {"GRACE_DATA_DIR": str(self.settings.data_dir), "GRACE_PORT": str(self.settings.port)}
        return os.environ | own | {"PWD": "/"}

    @property
    def installation(self) -> Installation:
        found = read_installation(self.settings)
        assert found, "nothing was brought up"
        return found

    @property
    def processes(self) -> dict[str, Process]:
        return self.installation.processes

    def is_whole(self) -> bool:
        found = read_installation(self.settings)
        return bool(found) and found.sample and all(map(is_alive, found.processes.values()))

    def ask(self, path: str, body: object = None, method: str = "POST") -> Any:
        """One request to Prefect's API; SQLite may be busy for a moment, or for a minute."""
        api = self.installation.api_url
        with httpx.Client(base_url=api, trust_env=False, timeout=90) as client:
            while (response := client.request(method, path, json=body)).status_code == 503:
                time.sleep(0.2)
        return response.raise_for_status().json() if response.content else None

    def get(self, path: str) -> Any:
        return self.ask(path, method="GET")

    def deployment(self, name: str = PAGE_REFRESH) -> Any:
        return self.get(f"/deployments/name/{name}")

    def deployments(self) -> dict[str, Any]:
        flows = {flow["id"]: flow["name"] for flow in self.ask("/flows/filter", {})}
        found = self.ask("/deployments/filter", {})
        return {f"{flows[one['flow_id']]}/{one['name']}": one for one in found}

    def run(self, state: str, name: str = "running", **fields: object) -> str:
        """The id of a flow run set to this state without any process."""
        run: str = self.ask(
            "/flow_runs/",
            {"flow_id": self.deployment()["flow_id"], "state": {"type": state, "name": name}},
        )["id"]
        self.ask(f"/flow_runs/{run}", {**fields}, method="PATCH")
        return run

    def state(self, run: str) -> str:
        return str(self.get(f"/flow_runs/{run}")["state"]["name"])


def until(true: Callable[[], object], seconds: float = 240) -> None:
    """Of a server that does not answer it is not true yet."""
    deadline = time.monotonic() + seconds
    while not _answers(true):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.2)


def _answers(true: Callable[[], object]) -> bool:
    with suppress(httpx.TransportError):
        return bool(true())
    return False


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The first port wished for is taken, so that this start has to look for another."""
    folder = tmp_path_factory.mktemp("installation")
    with _listener() as taken:
        system = System(Settings(data_dir=folder / "data", port=taken.getsockname()[1]))
        try:
            system.grace("up", "--sample")
            rest_the_engines(system)
            yield system
        finally:
            system.grace("down")
    assert marked(mark(system.settings)) == []


def _listener() -> socket.socket:
    """On a port below those that a kernel gives to whoever asks for any."""
    for port in range(21000 + os.getpid() % 500 * 20, 32768, 200):
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
    raise RuntimeError("no free port below 32768")


def rest_the_engines(system: System) -> None:
    """Their runs would take the processor from what is tested here."""
    for name, deployment in system.deployments().items():
        if name != PAGE_REFRESH:
            system.ask(f"/deployments/{deployment['id']}/pause_deployment")


@pytest.fixture
def system(started: System) -> System:
    if not started.is_whole():
        started.grace("up", "--sample")
    return started
