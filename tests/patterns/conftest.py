"""A log in which things fail."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from grace.store import Store
from tests.proposing import NOON

__all__ = ["Failing"]

Row = dict[str, object]


class Failing:
    """Writes rows as the ingestions do, a minute apart from noon on."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOON
        self._made = 0

    def task(self, error: str | None, flow_run: str | None = None, **columns: object) -> str:
        """A task run that failed; its id."""
        given = {"process_type": "task_run", "task_name": "fetch", "parent_process": flow_run}
        return self._run(given | {"error": error, "success": False, "status": "Failed"} | columns)

    def flow(self, error: str | None, run: str, **columns: object) -> str:
        given = {"process_id": run, "process_type": "flow_run", "task_name": "nightly/here"}
        return self._run(given | {"error": error, "success": False, "status": "Failed"} | columns)

    def success(self, flow_run: str | None = None) -> str:
        given = {"process_type": "task_run", "task_name": "fetch", "parent_process": flow_run}
        return self._run(given | {"success": True, "status": "Completed"})

    def attempt(self, error: str | None, healed: bool | None, **columns: object) -> str:
        name = self._name("attempt")
        row = {"attempt_id": name, "error_message": error, "fix_type": "retry", "success": healed}
        self._add("healing_attempts", row | {"attempted_at": self.now} | columns)
        return name

    def shard(self, error: str) -> str:
        name = self._name("shard")
        row = {"log_id": name, "error_message": error, "success": False, "task_type": "sync"}
        self._add("shard_logs", row | {"timestamp": self.now})
        return name

    def _run(self, columns: Row) -> str:
        row = {"process_id": self._name("run"), "timestamp": self.now, "completed_at": self.now}
        self._add("parallel_process_logs", row | columns)
        return str((row | columns)["process_id"])

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind}-{self._made}"

    def _add(self, table: str, row: Row) -> None:
        with self.store.writing(self.now) as writer:
            writer.append(table, [row], source="test")
        self.now += timedelta(minutes=1)


@pytest.fixture
def failing(store: Store) -> Failing:
    return Failing(store)


@pytest.fixture
def learned(settings, store) -> Callable[[datetime], int]:
    """Learns what has failed so far, as the engine does; how many patterns were new."""
    from grace.patterns.learning import learn

    return lambda now=NOON: learn(settings, store, now)
