"""What the log of a watched installation must hold, worked out from its API by other means.

Everything is read by plain pages and added up run by run; nothing here is shared with ingestion.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from grace.store import Store
from grace.store.read import newest
from tests.foreign import Foreign

__all__ = ["Figures", "assert_equal_figures", "figures_of", "figures_of_log"]

Run = dict[str, Any]
SUCCESS = {"COMPLETED": True, "FAILED": False, "CRASHED": False}


@dataclass
class Figures:
    """Of each flow (as `flow/deployment`) and each task: runs by state, times in seconds.

    `waits` and `executions` are (how many, sum in microseconds); `retries` the attempts after the
    first, by name and whether they succeeded.
    """

    states: Counter[tuple[str, str]] = field(default_factory=Counter)
    waits: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    executions: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    outcomes: Counter[tuple[str, bool]] = field(default_factory=Counter)
    retries: Counter[tuple[str, bool]] = field(default_factory=Counter)
    automations: Counter[tuple[str, str]] = field(default_factory=Counter)
    workers: set[str] = field(default_factory=set)

    def add(
        self, name: str, state: str, wait: float | None, execution: float | None, ok: bool | None
    ) -> None:
        self.states[name, state] += 1
        for times, seconds in ((self.waits, wait), (self.executions, execution)):
            if seconds is not None:
                times[name][0] += 1
                times[name][1] += round(seconds * 1e6)
        if ok is not None:
            self.outcomes[name, ok] += 1


def figures_of(foreign: Foreign, at: datetime | None = None) -> Figures:
    """From the API, with the runs of every Grace left out, as one who reads `at` must see them.

    What started more than a week before and never ended has lost its process, and counts nowhere.
    """
    lost = ((at or datetime.now(UTC)) - timedelta(days=7)).isoformat()
    flow_runs = {run["id"]: run for run in foreign.all("/flow_runs/filter", sort="ID_DESC")}
    task_runs = {run["id"]: run for run in foreign.all("/task_runs/filter", sort="ID_DESC")}
    flows = {each["id"]: each["name"] for each in foreign.all("/flows/filter")}
    deployments = {each["id"]: each for each in foreign.all("/deployments/filter")}
    figures = Figures()

    def of_a_grace(run: Run) -> bool:
        own = "grace" in deployments.get(run["deployment_id"], {"tags": []})["tags"]
        caller = task_runs.get(run["parent_task_run_id"])
        return own or bool(caller and of_a_grace(flow_runs[caller["flow_run_id"]]))

    for run in flow_runs.values():
        if of_a_grace(run) or run["start_time"] is None:
            continue
        if run["end_time"] is None and run["start_time"] < lost:
            continue
        name = flows[run["flow_id"]]
        if run["deployment_id"]:
            name = f"{name}/{deployments[run['deployment_id']]['name']}"
        _add(figures, name, run)
        if run["run_count"] > 1:
            figures.retries[name, SUCCESS[run["state_type"]]] += run["run_count"] - 1
    for run in task_runs.values():
        if of_a_grace(flow_runs[run["flow_run_id"]]):
            continue
        if run["state"]["state_details"]["child_flow_run_id"] is None:
            _add(figures, run["task_key"].rpartition("-")[0], run)
            _add_retries(figures, run)
    for fired in _done_by_automations(foreign):
        figures.automations[fired] += 1
    workers = foreign.all("/work_pools/theirs/workers/filter")
    figures.workers = {worker["name"] for worker in workers}
    return figures


def figures_of_log(store: Store) -> Figures:
    figures = Figures()
    for row in newest(store, "parallel_process_logs").itertuples():
        ok = None if row.success is None or row.success != row.success else bool(row.success)
        wait, execution = _number(row.wait_time_seconds), _number(row.execution_time_seconds)
        figures.add(row.task_name, row.status, wait, execution, ok)
    for row in newest(store, "healing_attempts").to_dict("records"):
        task = json.loads(row["metadata"])["task"]
        figures.retries[task, bool(row["success"])] += 1
    for row in newest(store, "agentic_spine_logs", decision_type="automation").itertuples():
        figures.automations[row.chosen_action, row.status] += 1
    figures.workers = set(newest(store, "shard_logs")["shard_id"])
    return figures


def assert_equal_figures(store: Store, foreign: Foreign) -> None:
    """And nothing was logged twice: each row has its first revision."""
    logged, there = figures_of_log(store), figures_of(foreign)
    for name in vars(there):
        here, expected = getattr(logged, name), getattr(there, name)
        assert here == expected, f"{name}: the log has {here}, the API {expected}"
    assert set(newest(store, "parallel_process_logs")["revision"]) == {1}


def _add(figures: Figures, name: str, run: Run) -> None:
    started = run["run_count"] > 0
    wait = _between(run["expected_start_time"], run["start_time"]) if started else None
    execution = run["total_run_time"] if started and run["end_time"] else None
    ok = SUCCESS.get(run["state_type"])
    figures.add(name, run["state_name"], wait, execution, ok)


def _add_retries(figures: Figures, run: Run) -> None:
    name = run["task_key"].rpartition("-")[0]
    for attempt in range(2, run["run_count"] + 1):
        last = attempt == run["run_count"]
        figures.retries[name, last and SUCCESS[run["state_type"]]] += 1


def _done_by_automations(foreign: Foreign) -> list[tuple[str, str]]:
    kinds = [f"prefect.automation.action.{kind}" for kind in ("executed", "failed")]
    found = foreign.ask("/events/filter", {"filter": {"event": {"name": kinds}}, "limit": 50})
    assert found["total"] <= 50
    return [
        (each["payload"]["action_type"], each["event"].rpartition(".")[2])
        for each in found["events"]
    ]


def _between(begin: str, end: str) -> float:
    return max(0.0, (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds())


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)
