"""The system that the headline is measured on: brought up, spoken to, and ended again.

Grace is used through its command line alone, as a person uses it, and Prefect through its API.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from grace.installation import connect_environment, read_installation
from grace.settings import PROJECT, Settings

__all__ = ["System", "say", "until"]

# what would work beside the headline and is no part of it: the sample's own schedule, and engines
# that look for errors or read the main log
RESTING = (
    "page-refresh/every-30-seconds",
    "proactive-improvement/sample-every-5-minutes",
    "proactive-improvement/hourly",
    "performance-optimizer/every-30-minutes",
    "ingestion/every-10-minutes",
    "governance/every-10-minutes",
)
# how long Prefect lets a task wait before it asks for a place again: by default up to ten seconds,
# so that places stand empty while tasks wait, and no limit is what binds
SLOT_WAIT_SECONDS = 0.2
PREFECT = {"PREFECT_SERVER_TASKS_TAG_CONCURRENCY_SLOT_WAIT_SECONDS": str(SLOT_WAIT_SECONDS)}
SHIFT = ("page-shift", "headline")
ENTRYPOINT = "benchmarks/headline_workload.py:page_shift"
COMMAND_SECONDS = 300
# Prefect writes the last states down some seconds later, and Grace reads up to ten seconds ago
READ_AFTER_SECONDS = 15


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
class System:
    """One installation in a folder of its own, with the sample's log."""

    settings: Settings

    @classmethod
    def up(cls, folder: Path, port: int, governance: str) -> "System":
        """`governance` is the text of the sample's governance.toml."""
        system = cls.of(folder, port)
        system.settings.log_dir.mkdir(parents=True)
        (system.settings.log_dir / "governance.toml").write_text(governance)
        system.grace("up")
        for name in RESTING:
            found = system.get(f"/deployments/name/{name}")
            system.ask(f"/deployments/{found['id']}/pause_deployment")
        system._deploy()
        return system

    @classmethod
    def of(cls, folder: Path, port: int) -> "System":
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
        return {n: value for n, value in os.environ.items() if n not in foreign} | own | PREFECT

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

    def limit(self) -> int:
        """The tag limit in force."""
        return int(self.get("/v2/concurrency_limits/tag:sample-pages")["limit"])

    def _deploy(self) -> None:
        flow = self.ask("/flows/", {"name": SHIFT[0]})
        folder = {"directory": str(PROJECT)}
        self.ask(
            "/deployments/",
            {
                "name": SHIFT[1],
                "flow_id": flow["id"],
                "entrypoint": ENTRYPOINT,
                "path": ".",
                "pull_steps": [{"prefect.deployments.steps.set_working_directory": folder}],
                "work_pool_name": "grace",
                "work_queue_name": "default",
                "tags": ["sample"],
                "job_variables": {"env": {"GRACE_LOG": "sample"}},
            },
        )

    def start_shift(self, service: str, stop: Path, limits: Sequence[int] | None = None) -> str:
        """The id of the worker's run that refreshes the pages until `stop` is there."""
        found = self.get(f"/deployments/name/{'/'.join(SHIFT)}")
        wanted = limits and list(limits)
        parameters = {"service": service, "stop_file": str(stop), "limits": wanted}
        asked = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.ask(f"/deployments/{found['id']}/create_flow_run", asked)["id"])

    def await_end(self, run: str, seconds: float) -> None:
        """Raises RuntimeError where the run does not end well."""
        until(lambda: self._state(run)["type"] in ENDED, f"the end of {run}", seconds)
        if (state := self._state(run))["type"] != "COMPLETED":
            raise RuntimeError(f"{run} ended {state['name']}: {state['message']}")

    def refreshes(self, since: datetime) -> int:
        """How many page refreshes were begun since then, and have ended."""
        asked = {
            "flows": {"name": {"any_": ["page-refresh"]}},
            "flow_runs": {
                "start_time": {"after_": since.isoformat()},
                "state": {"type": {"any_": list(ENDED)}},
            },
        }
        return int(self.ask("/flow_runs/count", asked))

    def read_history(self) -> None:
        """All of Prefect's history into Grace's log, as its engines read it; proposes nothing."""
        time.sleep(READ_AFTER_SECONDS)
        connect_environment(self.settings)
        from tasks.ingest_prefect import read_history

        say(f"  {read_history(self.settings, datetime.now(UTC), lambda _: None)}")

    def _state(self, run: str) -> Any:
        return self.get(f"/flow_runs/{run}")["state"]


ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
