"""The system that the headline is measured on: the sample, and its pages refreshed in shifts."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from benchmarks._installed import ENDED, Installed, say
from grace.installation import connect_environment

__all__ = ["System"]

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
SHIFT = "page-shift/headline"
ENTRYPOINT = "benchmarks/headline_workload.py:page_shift"
# Prefect writes the last states down some seconds later, and Grace reads up to ten seconds ago
READ_AFTER_SECONDS = 15


@dataclass(frozen=True)
class System(Installed):
    prefect: ClassVar[Mapping[str, str]] = {
        "PREFECT_SERVER_TASKS_TAG_CONCURRENCY_SLOT_WAIT_SECONDS": str(SLOT_WAIT_SECONDS)
    }

    @classmethod
    def up(cls, folder: Path, port: int, governance: str) -> "System":
        system = super().up(folder, port, governance)
        system.rest(*RESTING)
        system.deploy(SHIFT, ENTRYPOINT)
        return system

    def limit(self) -> int:
        """The tag limit in force."""
        return int(self.get("/v2/concurrency_limits/tag:sample-pages")["limit"])

    def start_shift(self, service: str, stop: Path, limits: Sequence[int] | None = None) -> str:
        """The id of the worker's run that refreshes the pages until `stop` is there."""
        wanted = limits and list(limits)
        parameters = {"service": service, "stop_file": str(stop), "limits": wanted}
        return self.start(SHIFT, parameters)

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
