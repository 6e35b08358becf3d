"""What is measured of a deployment: one unit a flow run, from rows of `parallel_process_logs`.

A subject is written `deployment:FLOW/NAME`. Cancelled runs count neither way.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from grace.measurement.blocks import Unit

__all__ = ["EXECUTION", "FAILURES", "METRICS", "TASKS", "deployment_subject", "deployment_units"]

EXECUTION = "mean execution time"
TASKS = "task success rate"
FAILURES = "share of runs that fail"
KIND = "deployment:"

Value = Callable[[pd.DataFrame, pd.DataFrame], "pd.Series[float]"]


def deployment_subject(name: str) -> str:
    """Of a deployment as Prefect names it, FLOW/NAME."""
    return f"{KIND}{name}"


def deployment_units(frame: pd.DataFrame, subject: str, metric_name: str) -> list[Unit]:
    """One a flow run of the deployment, in the order in which they queued; none of other subjects.

    `frame` holds newest revisions, task runs and flow runs together. Runs under way are there too,
    without an end. The value is NaN where the metric has none. Raises KeyError for a metric that
    is none of a deployment's.
    """
    value, name = METRICS[metric_name], subject.removeprefix(KIND)
    if name == subject or frame.empty:
        return []
    flow_runs = frame[(frame["process_type"] == "flow_run") & frame["queued_at"].notna()]
    ours = flow_runs[flow_runs["task_name"] == name]
    ended = ours[ours["completed_at"].notna() & ours["success"].notna()]
    found = [
        Unit(queued.to_pydatetime(), end.to_pydatetime(), float(number), str(run), ran, float(bad))
        for run, queued, end, number, ran, bad in zip(
            ended["process_id"],
            ended["queued_at"],
            ended["completed_at"],
            value(ended, frame),
            _or_none(ended["execution_time_seconds"]),
            ~_truth(ended["success"]),
            strict=True,
        )
    ]
    under_way = ours[ours["completed_at"].isna()]
    found += [
        Unit(queued.to_pydatetime(), None, float("nan"), str(run))
        for run, queued in zip(under_way["process_id"], under_way["queued_at"], strict=True)
    ]
    return sorted(found, key=lambda unit: (unit.queued, unit.id or ""))


def _seconds(ended: pd.DataFrame, frame: pd.DataFrame) -> "pd.Series[float]":
    """Of runs that completed: one that failed early took no less time, it did not get there."""
    return ended["execution_time_seconds"].astype(float).where(_truth(ended["success"]))


def _failures(ended: pd.DataFrame, frame: pd.DataFrame) -> "pd.Series[float]":
    return (~_truth(ended["success"])).astype(float)


def _tasks(ended: pd.DataFrame, frame: pd.DataFrame) -> "pd.Series[float]":
    """The share of a flow run's task runs that succeeded, in the end, those of subflows included.

    A flow run without task runs is its own task.
    """
    is_task = frame["process_type"] == "task_run"
    tasks = frame[is_task & frame["completed_at"].notna() & frame["success"].notna()]
    owner = _owners(frame, set(ended["process_id"]))
    shares = _truth(tasks["success"]).astype(float).groupby(tasks["parent_process"].map(owner))
    own = _truth(ended["success"]).astype(float)
    return ended["process_id"].map(shares.mean()).astype(float).fillna(own)


METRICS: Mapping[str, Value] = {EXECUTION: _seconds, TASKS: _tasks, FAILURES: _failures}


def _owners(frame: pd.DataFrame, units: set[str]) -> dict[str, str]:
    """For each flow run the nearest unit at or above it, where there is one."""
    flow_runs = frame[frame["process_type"] == "flow_run"]
    above = dict(zip(flow_runs["process_id"], flow_runs["parent_process"], strict=True))
    found = {}
    for run in above:
        at: Any = run
        seen: set[str] = set()
        while at in above and at not in units and at not in seen:
            seen.add(at)
            at = above[at]
        if at in units:
            found[run] = at
    return found


def _truth(column: "pd.Series[Any]") -> "pd.Series[bool]":
    return column.astype(bool)


def _or_none(column: "pd.Series[Any]") -> list[float | None]:
    return [None if pd.isna(each) else float(each) for each in column]
