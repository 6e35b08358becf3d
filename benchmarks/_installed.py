"""An installation of Grace of its own that is measured: brought up, spoken to, and ended again.

Grace is used through its command line alone, as a person uses it, and Prefect through its API.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx

from grace.installation import read_installation
from grace.settings import PROJECT, Settings

__all__ = ["ENDED", "Installed", "say", "until"]

ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
COMMAND_SECONDS = 300


def say(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)


def until(true: Callable[[], object], what: str, seconds: float, every: float = 1.0) -> None:
    """Raises TimeoutError naming what did not come true."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(every)


@dataclass(frozen=True)
class Installed:
    """One installation in a folder of its own, with the sample's log.

    `prefect` are settings of Prefect that the measurement needs.
    """

    settings: Settings
    prefect: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def up(cls, folder: Path, port: int, governance: str) -> Self:
        """`governance` is the text of the sample's governance.toml."""
        system = cls.of(folder, port)
        system.settings.log_dir.mkdir(parents=True)
        (system.settings.log_dir / "governance.toml").write_text(governance)
        system.grace("up")
        return system

    @classmethod
    def of(cls, folder: Path, port: int) -> Self:
        return cls(Settings(data_dir=folder, port=port, log="sample"))

    def down(self) -> None:
        self.grace("down")

    def grace(self, *words: str) -> Any:
        """What a command answers as JSON. Raises RuntimeError with its message where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "grace.cli", "--sample", "--json", *words],
            env=self._environment,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
            # Ctrl-C is ours to act on: `down` must be able to end what this one started
            start_new_session=True,
        )
        if done.returncode:
            raise RuntimeError(f"grace {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    @property
    def _environment(self) -> dict[str, str]:
        settings = self.settings
        foreign = {name for name in os.environ if name.startswith(("GRACE_", "PREFECT_"))}
        own = {"GRACE_DATA_DIR": str(settings.data_dir), "GRACE_PORT": str(settings.port)}
        return (
            {n: value for n, value in os.environ.items() if n not in foreign}
            | own
            | dict(self.prefect)
        )

    @property
    def api_url(self) -> str:
        found = read_installation(self.settings)
        if found is None:
            raise RuntimeError("nothing was brought up")
        return found.api_url

    def ask(self, path: str, body: object = None, method: str = "POST") -> Any:
        """One request to Prefect's API; SQLite may be busy for a moment."""
        with httpx.Client(base_url=self.api_url, trust_env=False, timeout=60) as client:
            while (answer := client.request(method, path, json=body)).status_code == 503:
                time.sleep(0.2)
        return answer.raise_for_status().json() if answer.content else None

    def get(self, path: str) -> Any:
        return self.ask(path, method="GET")

    def rest(self, *names: str) -> None:
        """These deployments start nothing by themselves any more."""
        for name in names:
            found = self.get(f"/deployments/name/{name}")
            self.ask(f"/deployments/{found['id']}/pause_deployment")

    def deploy(self, deployment: str, entrypoint: str) -> None:
        """A flow of this project as a deployment FLOW/NAME of the sample's."""
        flow, _, name = deployment.partition("/")
        made = self.ask("/flows/", {"name": flow})
        folder = {"directory": str(PROJECT)}
        self.ask(
            "/deployments/",
            {
                "name": name,
                "flow_id": made["id"],
                "entrypoint": entrypoint,
                "path": ".",
                "pull_steps": [{"prefect.deployments.steps.set_working_directory": folder}],
                "work_pool_name": "grace",
                "work_queue_name": "default",
                "tags": ["sample"],
                "job_variables": {"env": {"GRACE_LOG": "sample"}},
            },
        )

    def start(self, deployment: str, parameters: Mapping[str, object] | None = None) -> str:
        """The id of a run that the worker takes up now."""
        found = self.get(f"/deployments/name/{deployment}")
        asked = {"parameters": dict(parameters or {}), "state": {"type": "SCHEDULED"}}
        return str(self.ask(f"/deployments/{found['id']}/create_flow_run", asked)["id"])

    def state(self, run: str) -> Any:
        return self.get(f"/flow_runs/{run}")["state"]

    def await_end(self, run: str, seconds: float) -> None:
        """Raises RuntimeError where the run does not end well."""
        until(lambda: self.state(run)["type"] in ENDED, f"the end of {run}", seconds)
        if (state := self.state(run))["type"] != "COMPLETED":
            raise RuntimeError(f"{run} ended {state['name']}: {state['message']}")
