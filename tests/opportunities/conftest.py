"""Logs of made-up runs: what a queue with a limit does to flow runs of several tasks."""

import heapq
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

START = datetime(2026, 3, 1, tzinfo=UTC)
TIMES = ["queued_at", "started_at", "completed_at"]


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


@dataclass
class Log:
    """Rows of `parallel_process_logs`; times in seconds from a common start."""

    rows: list[dict[str, object]] = field(default_factory=list)

    def task(
        self,
        flow_run: str | None,
        queued: float | None,
        started: float | None,
        ended: float | None,
        ready: float | None = None,
        **limits: int,
    ) -> None:
        payload = {"limits": {f"tag:{tag}": value for tag, value in limits.items()}}
        if ready is not None:
            payload["ready_at"] = at(ready).isoformat()
        self._add("task_run", flow_run, (queued, started, ended), payload)

    def flow(
        self,
        flow_run: str,
        queued: float,
        started: float | None,
        ended: float | None,
        name: str = "refresh/nightly",
        executor: str | None = "pool/default",
        parent: str | None = None,
        **limits: int,
    ) -> None:
        payload = {"limits": {f"deployment:{key}": value for key, value in limits.items()}}
        times = (queued, started, ended)
        self._add("flow_run", parent, times, payload, flow_run, name, executor)

    def burst(
        self,
        flow_run: str,
        begin: float,
        works: list[float],
        slots: int,
        overhead: float = 0.0,
        tag: str = "pages",
        **deployment: int,
    ) -> float:
        """A flow run whose tasks queue at once behind a limit; when it ended.

        `overhead` is waited by each task whatever the limit.
        """
        free = [begin] * slots
        last = begin
        for work in works:
            start = max(begin, heapq.heappop(free))
            heapq.heappush(free, start + work)
            last = max(last, start + work)
            self.task(flow_run, begin - overhead, start, start + work, **{tag: slots})
        self.flow(flow_run, begin - 7 - overhead, begin - overhead, last, **deployment)
        return last

    def frame(self) -> pd.DataFrame:
        frame = pd.DataFrame(self.rows)
        for name in TIMES:
            frame[name] = pd.to_datetime(frame[name], utc=True)
        return frame

    def _add(
        self,
        process_type: str,
        parent: str | None,
        times: tuple[float | None, float | None, float | None],
        payload: dict[str, object],
        process_id: str | None = None,
        name: str = "fetch",
        executor: str | None = None,
    ) -> None:
        _, started, ended = times
        self.rows.append(
            {
                "process_id": process_id or f"run-{len(self.rows)}",
                "process_type": process_type,
                "executor": executor,
                "task_name": name,
                "task_payload": json.dumps(payload),
                "parent_process": parent,
                "success": None if ended is None else True,
                "execution_time_seconds": None if None in (started, ended) else ended - started,
            }
            | dict(zip(TIMES, map(at, times), strict=True))
        )


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def start() -> datetime:
    return START
