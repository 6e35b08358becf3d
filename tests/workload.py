"""A system on a real Prefect server whose runs really depend on the limits and schedules there.

Deployments, pools, queues, limits and schedules are Prefect's own, and so is what is read of them.
Nobody works off the runs: when each of them would have waited, started and ended is worked out from
what is set on the server at that time, and written into its database, from where Grace reads it.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Completed

from grace.opportunities.queueing import replay

__all__ = ["POLL", "Run", "Workload", "burst"]

# what a worker takes to look and to start a process
POLL = 5.0
AUTO = "auto-scheduled"


@task
def fetch() -> None:
    return


@flow
def nothing() -> None:
    return


@dataclass(frozen=True)
class Run:
    """Seconds from the workload's beginning; tasks as name, queued, started, ended, tags."""

    deployment: str
    queued: float
    started: float
    ended: float
    scheduled: bool = False
    tasks: tuple[tuple[str, float, float, float, tuple[str, ...]], ...] = ()


def burst(
    deployment: str, at: float, works: Iterable[float], slots: int, scheduled: bool = False
) -> list[Run]:
    """Runs that come together and have so many places between them."""
    held = np.array(list(works))
    waits = replay(np.full(held.size, at), held, slots)
    return [
        Run(deployment, at, at + POLL + wait, at + POLL + wait + work, scheduled)
        for wait, work in zip(waits, held, strict=True)
    ]


@dataclass
class Workload:
    """`database` is the server's own file, `begin` the moment that seconds are counted from."""

    database: Path
    begin: datetime
    _templates: dict[str, str] = field(default_factory=dict)
    _tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _task_template: str = ""

    def deploy(
        self,
        name: str,
        pool: str | None = None,
        queue: str | None = None,
        limit: int | None = None,
        tags: tuple[str, ...] = (),
        **more: object,
    ) -> str:
        """A deployment and its pool, and one run from which its others are copied."""
        own = flow(name=name)(nothing.fn)
        with get_client(sync_client=True) as client:
            made = client.create_deployment(
                client.create_flow(own),
                name="often",
                work_pool_name=pool,
                work_queue_name=queue,
                concurrency_limit=limit,
                tags=list(tags),
                **more,
            )
            run = client.create_flow_run_from_deployment(made, state=Completed())
            if not self._task_template:
                found = client.create_task_run(
                    fetch, flow_run_id=run.id, dynamic_key="0", state=Completed()
                )
                self._task_template = str(found.id)
        self._templates[f"{name}/often"] = str(run.id)
        self._tags[f"{name}/often"] = tags
        return f"{name}/often"

    def pool(self, name: str, limit: int | None = None) -> str:
        with get_client(sync_client=True) as client:
            client.create_work_pool(
                WorkPoolCreate(name=name, type="process", concurrency_limit=limit)
            )
        return name

    def queue(self, pool: str, name: str, limit: int) -> str:
        with get_client(sync_client=True) as client:
            client.create_work_queue(name=name, work_pool_name=pool, concurrency_limit=limit)
        return name

    def happen(self, runs: Iterable[Run]) -> None:
        """The runs are on the server, as if they had been worked off."""
        with closing(sqlite3.connect(self.database, timeout=60)) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            for run in runs:
                self._write(connection, run)

    def _write(self, connection: sqlite3.Connection, run: Run) -> None:
        copied = str(uuid4())
        tags = [*self._tags[run.deployment], *([AUTO] if run.scheduled else [])]
        _copy(
            connection,
            "flow_run",
            self._templates[run.deployment],
            {"id": copied, "name": copied[:8], "tags": json.dumps(tags)}
            | self._times(run.queued, run.started, run.ended),
        )
        for number, (name, queued, started, ended, own) in enumerate(run.tasks):
            _copy(
                connection,
                "task_run",
                self._task_template,
                {
                    "id": str(uuid4()),
                    "name": f"{name}-{number}",
                    "task_key": f"{name}-0123abcd",
                    "dynamic_key": str(uuid4()),
                    "flow_run_id": copied,
                    "tags": json.dumps(list(own)),
                }
                | self._times(queued, started, ended),
            )

    def _times(self, queued: float, started: float, ended: float) -> dict[str, object]:
        return {
            "expected_start_time": self._moment(queued),
            "start_time": self._moment(started),
            "end_time": self._moment(ended),
            "total_run_time": str(datetime(1970, 1, 1) + timedelta(seconds=ended - started)),  # noqa: DTZ001
            "run_count": 1,
            "state_type": "COMPLETED",
            "state_name": "Completed",
        }

    def _moment(self, seconds: float) -> str:
        moment = self.begin + timedelta(seconds=seconds)
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _copy(
    connection: sqlite3.Connection, table: str, template: str, other: dict[str, object]
) -> None:
    found = connection.execute(f"SELECT * FROM {table} WHERE id = ?", (template,))
    columns = [name for name, *_ in found.description]
    row = dict(zip(columns, found.fetchone(), strict=True))
    assert set(other) <= set(columns), set(other) - set(columns)
    given = row | other
    marks = ", ".join("?" * len(columns))
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", list(given.values())
    )
