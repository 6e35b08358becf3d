"""The headline's figures from Prefect's API alone, written without a look at Grace's code.

Belongs here: reading, and arithmetic. Does not: anything imported from Grace, and what is compared
with what, which is `benchmarks.headline_check`.
"""

import math
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pandas as pd
from scipy.stats import t

__all__ = [
    "Found",
    "Prefect",
    "block_values",
    "change_of",
    "floor_of",
    "mean_of",
    "read",
    "running_seconds",
    "sign_evidence",
    "with_waits",
]

FLOW, TAG = "page-refresh", "sample-pages"
PAGE, RUNS_A_REQUEST = 200, 20
TIMES = ["queued", "started", "ended"]

Found = dict[str, Any]


class Prefect:
    """Prefect's API, page by page; a busy SQLite is asked again."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=60)

    def all(self, path: str, asked: Found) -> Iterator[Found]:
        offset = 0
        while page := self._ask("POST", path, asked | {"limit": PAGE, "offset": offset}):
            yield from page
            offset += PAGE
            if len(page) < PAGE:
                return

    def states(self, flow_run: str) -> list[Found]:
        return list(self._ask("GET", f"/flow_run_states/?flow_run_id={flow_run}", None))

    def _ask(self, method: str, path: str, asked: Found | None) -> Any:
        while (answer := self._http.request(method, path, json=asked)).status_code == 503:
            time.sleep(0.2)
        return answer.raise_for_status().json()


def read(prefect: Prefect) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The page refreshes that have ended, and all of their tasks that ever ran."""
    flows = list(
        prefect.all(
            "/flow_runs/filter",
            {"flows": {"name": {"any_": [FLOW]}}, "sort": "ID_DESC"},
        )
    )
    runs = pd.DataFrame(
        {
            "id": [run["id"] for run in flows],
            "name": [run["name"] for run in flows],
            "ended": _moments([run["end_time"] for run in flows]),
            "execution": [run["total_run_time"] for run in flows],
        }
    )
    runs = runs[runs["ended"].notna()]
    tasks = [task for part in _parts(list(runs["id"])) for task in _tasks(prefect, part)]
    table = pd.DataFrame(tasks, columns=["run", "is_page", *TIMES])
    for name in TIMES:
        table[name] = _moments(list(table[name]))
    return runs, table[table["started"].notna() & table["ended"].notna()]


def _parts(ids: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(ids), RUNS_A_REQUEST):
        yield ids[first : first + RUNS_A_REQUEST]


def _tasks(prefect: Prefect, ids: list[str]) -> Iterator[tuple[object, ...]]:
    asked = {"flow_runs": {"id": {"any_": ids}}, "sort": "ID_DESC"}
    for task in prefect.all("/task_runs/filter", asked):
        yield (
            task["flow_run_id"],
            TAG in task["tags"],
            task["expected_start_time"],
            task["start_time"] if task["run_count"] else None,
            task["end_time"],
        )


def _moments(texts: list[str | None]) -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime(pd.Series(texts, dtype=object), utc=True, format="ISO8601")


def with_waits(runs: pd.DataFrame, tasks: pd.DataFrame, floor_seconds: float) -> pd.DataFrame:
    """The runs with the excess wait of their tasks, and how many tasks were at work at once."""
    pages = tasks[tasks["is_page"]]
    waits = _waits(pages)
    excess = pages.assign(excess=(waits - floor_seconds).clip(lower=0)).groupby("run")
    found = pd.DataFrame(
        {
            "queued": excess["queued"].min(),
            "completed": excess["ended"].max(),
            "excess_wait": excess["excess"].mean(),
            "at_once": excess[TIMES].apply(_at_once),
        }
    )
    return runs.join(found, on="id", how="inner").sort_values("queued", ignore_index=True)


def _at_once(tasks: pd.DataFrame) -> int:
    begins, ends = np.sort(tasks["started"]), np.sort(tasks["ended"])
    at_work = np.searchsorted(begins, begins, "right") - np.searchsorted(ends, begins, "right")
    return int(at_work.max())


def floor_of(tasks: pd.DataFrame, limit: int, until: pd.Timestamp) -> float:
    """The median wait of the tasks that met no limit: pages that found fewer before them, and all
    that are no pages."""
    known = tasks[tasks["ended"] <= until]
    waits = list(_waits(known[~known["is_page"]]))
    for _, mine in known[known["is_page"]].groupby("run"):
        rows = mine.sort_values(["queued", "started"])
        ends = np.sort(rows["ended"].to_numpy())
        found = np.arange(len(rows)) - np.searchsorted(ends, rows["queued"].to_numpy())
        waits += list(_waits(rows[found < limit]))
    return float(np.median(waits))


def _waits(tasks: pd.DataFrame) -> "pd.Series[float]":
    return (tasks["started"] - tasks["queued"]).dt.total_seconds().clip(lower=0)


def block_values(runs: pd.DataFrame, block: Found, settle_seconds: float) -> pd.DataFrame:
    """Queued in the block after what was queued before it had ended, and over before its end.

    Of the second block of a pair Grace has read all but the last seconds when it judges.
    """
    start, end = pd.Timestamp(block["start"]), pd.Timestamp(block["end"])
    known = end - pd.Timedelta(seconds=settle_seconds * (block["number"] % 2))
    before = runs[runs["queued"] < start]
    begin = max([start, *before["completed"]])
    return runs[(runs["queued"] >= begin) & (runs["ended"] <= known)]


def mean_of(values: "pd.Series[float]") -> Found:
    """Mean and t interval."""
    n, mean = len(values), float(values.mean())
    if n == 1:
        return {"n": 1, "mean": mean, "low": None, "high": None}
    half = t.ppf(0.975, n - 1) * values.std(ddof=1) / math.sqrt(n)
    return {"n": n, "mean": mean, "low": float(mean - half), "high": float(mean + half)}


def change_of(before: "pd.Series[float]", after: "pd.Series[float]") -> Found:
    """By Fieller: the shares r at which the two means, the first times r, do not differ surely.

    These are the roots of (b - r a)^2 = q^2 (var b + r^2 var a), solved as a quadratic in r.
    """
    a, b = before.mean(), after.mean()
    q = t.ppf(0.975, min(len(before), len(after)) - 1)
    var_a, var_b = before.var(ddof=1) / len(before), after.var(ddof=1) / len(after)
    low = high = None
    if a * a > q * q * var_a:
        roots = np.roots([a * a - q * q * var_a, -2 * a * b, b * b - q * q * var_b])
        low, high = sorted(float(root.real) - 1 for root in roots)
    return {
        "before": mean_of(before),
        "after": mean_of(after),
        "share": float(b / a - 1),
        "low": low,
        "high": high,
    }


def sign_evidence(differences: list[float]) -> float:
    """Krichevsky and Trofimov's bet on the signs, by its recursion."""
    wealth, plus, minus = 1.0, 0, 0
    for difference in differences:
        if difference == 0:
            continue
        mine = plus if difference > 0 else minus
        wealth *= 2 * (mine + 0.5) / (plus + minus + 1)
        plus, minus = plus + (difference > 0), minus + (difference < 0)
    return wealth


def running_seconds(states: list[Found]) -> float:
    """How long a flow run was Running, by its states."""
    ordered = sorted(states, key=lambda state: str(state["timestamp"]))
    moments = [pd.Timestamp(state["timestamp"]) for state in ordered]
    return sum(
        (end - begin).total_seconds()
        for state, begin, end in zip(ordered[:-1], moments[:-1], moments[1:], strict=True)
        if state["type"] == "RUNNING"
    )
