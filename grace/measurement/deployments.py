"""What is measured of a deployment: one unit a flow run, from rows of `parallel_process_logs`.

A subject is written `deployment:FLOW/NAME`. Cancelled runs count neither way.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from grace.measurement.blocks import Unit
from grace.measurement.family import Family

__all__ = ["EXECUTION", "FAILURES", "METRICS", "TASKS", "deployment_subject", "deployment_units"]

EXECUTION = "mean execution time"
TASKS = "task success rate"
FAILURES = "share of runs that fail"
KIND = "deployment:"

Value = Callable[[pd.DataFrame, Family], "pd.Series[float]"]


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
    family = Family(frame)
    ours = family.flow_runs[family.flow_runs["task_name"] == name]
    ours = ours[ours["queued_at"].notna()]
    ended = ours[ours["completed_at"].notna() & ours["success"].notna()]
    found = [
        Unit(queued.to_pydatetime(), end.to_pydatetime(), float(number), str(run), ran, float(bad))
        for run, queued, end, number, ran, bad in zip(
            ended["process_id"],
            ended["queued_at"],
            ended["completed_at"],
            value(ended, family),
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


def _seconds(ended: pd.DataFrame, family: Family) -> "pd.Series[float]":
    """Of runs that completed: one that failed early took no less time, it did not get there."""
    return ended["execution_time_seconds"].astype(float).where(_truth(ended["success"]))


def _failures(ended: pd.DataFrame, family: Family) -> "pd.Series[float]":
    return (~_truth(ended["success"])).astype(float)


def _tasks(ended: pd.DataFrame, family: Family) -> "pd.Series[float]":
    """The share of a flow run's task runs that succeeded, in the end, those of subflows included.

    A flow run without task runs is its own task.
    """
    units = family.flow_runs.index.get_indexer(ended.index)
    shares = pd.Series(family.success_shares(units), ended.index)
    return shares.fillna(_truth(ended["success"]).astype(float))


METRICS: Mapping[str, Value] = {EXECUTION: _seconds, TASKS: _tasks, FAILURES: _failures}


def _truth(column: "pd.Series[Any]") -> "pd.Series[bool]":
    return column.astype(bool)


def _or_none(column: "pd.Series[Any]") -> list[float | None]:
    return [None if pd.isna(each) else float(each) for each in column]
