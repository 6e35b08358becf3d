"""The tasks in which most of the time of some flow runs goes, as a sentence with figures."""

from collections.abc import Collection

import pandas as pd

__all__ = ["slowest_tasks"]

MOST = 3


def slowest_tasks(frame: pd.DataFrame, flow_runs: Collection[str]) -> str:
    """By total execution time; `frame` holds `parallel_process_logs`."""
    is_task = (frame["process_type"] == "task_run") & frame["parent_process"].isin(flow_runs)
    runs = frame[is_task & frame["execution_time_seconds"].notna()]
    if runs.empty:
        return "These flow runs have no task runs: the time is spent in the flow's own code."
    times = runs.groupby("task_name")["execution_time_seconds"].agg(["sum", "mean", "count"])
    slow = times.sort_values("sum", ascending=False).head(MOST)
    told = ", ".join(
        f"{name} {row['sum']:.0f} s in {row['count']:.0f} runs of {row['mean']:.1f} s"
        for name, row in slow.iterrows()
    )
    return f"Slowest tasks by total time: {told}."
