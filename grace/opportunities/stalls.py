"""Where the time of a flow run goes once it runs: tasks at work, held back, and its own code."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from grace.opportunities.occupancy import union_seconds

__all__ = ["Inside", "inside"]


@dataclass(frozen=True)
class Inside:
    """Seconds a flow run, means over the flow runs of one deployment.

    `stalled` is the time in which at least one task run waited for a limit, by limit; `busy` that
    in which a task was at work and none of its runs stalled, by task name; `own` what no task run
    covers.
    """

    execution: float
    stalled: Mapping[str, float]
    busy: Mapping[str, float]
    own: float


def inside(flow_runs: pd.DataFrame, tasks: pd.DataFrame) -> Inside:
    """Of rows of `hindrances`: ended flow runs of one deployment, and all task runs."""
    mine = tasks[tasks["unit"].isin(flow_runs["process_id"])]
    stalled = mine[mine["key"].notna()]
    count = len(flow_runs)
    stalls = _covered(stalled, "key", "queued_s", "started_s")
    work = _covered(mine, "name", "started_s", "ended_s")
    held_up = _covered(stalled, "name", "queued_s", "started_s")
    whole = _covered(mine.assign(all="all"), "all", "queued_s", "ended_s").get("all", 0.0)
    total = float(flow_runs["held"].sum())
    return Inside(
        execution=total / count,
        stalled={key: seconds / count for key, seconds in stalls.items()},
        busy={
            name: max(0.0, seconds - held_up.get(name, 0.0)) / count
            for name, seconds in work.items()
        },
        own=max(0.0, total - whole) / count,
    )


def _covered(runs: pd.DataFrame, by: str, begin: str, end: str) -> dict[str, float]:
    """Seconds covered within each flow run, summed over the flow runs, by a column."""
    sums: dict[str, float] = {}
    for (_, name), group in runs.groupby(["unit", by]):
        seconds = union_seconds(group[begin].to_numpy(), group[end].to_numpy())
        sums[str(name)] = sums.get(str(name), 0.0) + seconds
    return sums
