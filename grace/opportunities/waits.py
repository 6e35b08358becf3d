"""Waiting for a free slot: which limit makes whom wait, by how much more than it must be.

All functions take a frame of `parallel_process_logs` (newest revisions, times aware), task runs
and flow runs together: the row of a flow run says that all of its task runs are there. The wait
counts from when a run was queued, or from the end of the task runs before it where that is later.

*Excess* is the wait above the floor, the median wait of the runs that met no limit; no limit
lowers the floor. The unit is the flow run, because the waits within one depend on each other.
"""

from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median
from typing import Literal

import numpy as np
import pandas as pd

from grace.opportunities.payload import payload_of
from grace.opportunities.queueing import Floats, met_limit

__all__ = [
    "WORKER",
    "LimitPressure",
    "UnitValue",
    "ended_runs",
    "floors",
    "governed_runs",
    "pressures",
    "seconds_since_epoch",
    "unit_values",
]

Level = Literal["task_run", "flow_run"]
TIMES = ("queued", "started", "completed")
# before POOL/QUEUE: all flow runs that a worker starts from there, whatever limits them
WORKER = "worker:"


@dataclass(frozen=True)
class LimitPressure:
    """What one limit did, since its value last changed.

    `times` and `values` are the completed units, in the order of time: when the last governed run
    of a flow run ended, and the mean excess wait of its governed runs in seconds. `runs` is how
    many runs the limit governed and `met` how many found it full. `changed_at` is when the last
    run under another value was queued, None where the frame holds no other value.
    """

    key: str
    level: Level
    limit: int
    floor_seconds: float
    times: tuple[datetime, ...]
    values: tuple[float, ...]
    unit_ids: tuple[str, ...]
    runs: int
    met: int
    changed_at: datetime | None

    @property
    def units(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float | None:
        """Mean excess wait of the units in seconds."""
        return fmean(self.values) if self.values else None

    @property
    def met_share(self) -> float:
        """The share of the governed runs for which the limit was binding."""
        return self.met / self.runs if self.runs else 0.0

    @property
    def gap_seconds(self) -> float | None:
        """The usual time from one unit to the next."""
        gaps = np.diff([time.timestamp() for time in self.times])
        return float(median(gaps)) if len(gaps) else None


@dataclass(frozen=True)
class UnitValue:
    """One flow run under a limit: first queued, last completed, mean excess wait in seconds.

    `completed` is None, and `value` NaN, while the flow run is under way. `limit` is the value
    recorded for its governed runs, None where they differ.
    """

    unit: str
    queued: datetime
    completed: datetime | None
    value: float
    limit: int | None


def pressures(
    frame: pd.DataFrame, now: datetime | None = None, since: datetime | None = None
) -> list[LimitPressure]:
    """What each limit did by `now`, by key; `since` is where the frame begins, if it was cut.

    Units whose flow run started before `since` are left out, as some of their runs may be.
    """
    ended = ended_runs(frame, now)
    governed = _governed(ended)
    floor, complete = _floors(ended, governed), _complete(frame, now, since)
    return [_pressure(str(key), group, floor, complete) for key, group in governed.groupby("key")]


def unit_values(frame: pd.DataFrame, key: str, floor_seconds: float) -> list[UnitValue]:
    """One value for each flow run with runs under the limit, in the order in which they queued.

    Of `worker:POOL/QUEUE` those that start from there, whose places no limit counts.

    Flow runs under way are there too, where others of the same name have runs under the limit.
    """
    runs = _runs_under(frame, key)
    complete = _complete(frame)
    units = runs.assign(excess=_excess(runs, floor_seconds)).groupby("unit")
    table = units.agg(
        queued=("queued", "min"),
        completed=("completed", "max"),
        value=("excess", "mean"),
        limit=("limit", "first"),
        limits=("limit", "nunique"),
    )
    columns = (table[name].dt.to_pydatetime() for name in ("queued", "completed"))
    values = (table[name].tolist() for name in ("value", "limit", "limits"))
    seen = [
        UnitValue(
            unit=str(unit),
            queued=queued,
            completed=completed if unit in complete else None,
            value=value if unit in complete else float("nan"),
            limit=limit if limits == 1 else None,
        )
        for unit, queued, completed, value, limit, limits in zip(
            table.index, *columns, *values, strict=True
        )
    ]
    return sorted(seen + _under_way(frame, set(runs["unit"])), key=lambda unit: unit.queued)


def _runs_under(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    if key.startswith(WORKER):
        ended = ended_runs(frame, None)
        is_mine = (ended["level"] == "flow_run") & (ended["place"] == key.removeprefix(WORKER))
        return ended[is_mine].assign(limit=0)
    governed = governed_runs(frame)
    return governed[governed["key"] == key]


def floors(frame: pd.DataFrame, now: datetime | None = None) -> dict[str, float]:
    """Median wait in seconds of the runs that met no limit, for task runs and for each executor.

    Where every run met one, the shortest wait: the floor cannot be higher.
    """
    ended = ended_runs(frame, now)
    return _floors(ended, _governed(ended))


def governed_runs(frame: pd.DataFrame, now: datetime | None = None) -> pd.DataFrame:
    """One row for each ended run and each limit on it: its key and value, and whether it was met.

    Other columns: process_id, level, place, unit, wait and slot time `held` in seconds, queued,
    started and completed.
    """
    return _governed(ended_runs(frame, now))


def ended_runs(frame: pd.DataFrame, now: datetime | None) -> pd.DataFrame:
    """Runs that started and ended by `now`, but for subflow runs: nothing queues those."""
    ended = frame["completed_at"].notna() & frame["started_at"].notna()
    subflow = (frame["process_type"] == "flow_run") & frame["parent_process"].notna()
    if now is not None:
        ended &= frame["completed_at"] <= now
    rows = frame[ended & ~subflow]
    payloads = [payload_of(payload) for payload in rows["task_payload"]]
    ready = pd.Series([payload.get("ready_at") for payload in payloads], rows.index, dtype=object)
    ready = pd.to_datetime(ready, utc=True, format="ISO8601")
    queued = rows["queued_at"].where(~(ready > rows["queued_at"]), ready)
    is_task = rows["process_type"] == "task_run"
    return pd.DataFrame(
        {
            "process_id": rows["process_id"],
            "level": rows["process_type"],
            "place": rows["executor"].fillna("").where(~is_task, "task runs"),
            "unit": rows["parent_process"].where(is_task, rows["process_id"]),
            "queued": queued,
            "started": rows["started_at"],
            "completed": rows["completed_at"],
            "wait": (rows["started_at"] - queued).dt.total_seconds().clip(lower=0.0),
            "held": (rows["completed_at"] - rows["started_at"]).dt.total_seconds(),
            "limits": [payload.get("limits") or {} for payload in payloads],
        }
    )


def _governed(ended: pd.DataFrame) -> pd.DataFrame:
    keys = pd.Series([list(limits) for limits in ended["limits"]], ended.index, dtype=object)
    rows = ended.assign(key=keys).explode("key")
    rows = rows[rows["key"].notna()].reset_index(drop=True)
    pairs = zip(rows["limits"], rows["key"], strict=True)
    rows["limit"] = np.array([limits[key] for limits, key in pairs], dtype=np.int64)
    rows["met"] = False
    for _, group in rows.groupby("key"):
        queued, started, completed = (seconds_since_epoch(group[name]) for name in TIMES)
        met = met_limit(queued, started, completed, group["limit"].to_numpy())
        rows.loc[group.index, "met"] = met
    return rows.drop(columns="limits")


def _floors(ended: pd.DataFrame, governed: pd.DataFrame) -> dict[str, float]:
    free = ended[~ended["process_id"].isin(governed.loc[governed["met"], "process_id"])]
    shortest, usual = ended.groupby("place")["wait"].min(), free.groupby("place")["wait"].median()
    return {str(place): float(usual.get(place, low)) for place, low in shortest.items()}


def _complete(
    frame: pd.DataFrame, now: datetime | None = None, since: datetime | None = None
) -> set[str]:
    """Flow runs that ended, so that all of their task runs are in the frame."""
    flow_runs = frame[(frame["process_type"] == "flow_run") & frame["completed_at"].notna()]
    if now is not None:
        flow_runs = flow_runs[flow_runs["completed_at"] <= now]
    if since is not None:
        flow_runs = flow_runs[flow_runs["started_at"] >= since]
    return set(flow_runs["process_id"])


def _pressure(
    key: str, runs: pd.DataFrame, floor: dict[str, float], complete: set[str]
) -> LimitPressure:
    runs = runs.sort_values("completed", kind="stable")
    last = runs.iloc[-1]
    other = runs[runs["limit"] != last["limit"]]
    changed_at = None if other.empty else other["queued"].max().to_pydatetime()
    if changed_at is not None:
        first_queued = runs.groupby("unit")["queued"].transform("min")
        runs = runs[(runs["limit"] == last["limit"]) & (first_queued > changed_at)]
    seconds = floor[last["place"]]
    whole = runs[runs["unit"].isin(complete)]
    excess = whole.assign(excess=_excess(whole, seconds)).groupby("unit")
    units = excess.agg(time=("completed", "max"), value=("excess", "mean")).sort_values("time")
    return LimitPressure(
        key=key,
        level=last["level"],
        limit=int(last["limit"]),
        floor_seconds=seconds,
        times=tuple(time.to_pydatetime() for time in units["time"]),
        values=tuple(float(value) for value in units["value"]),
        unit_ids=tuple(str(unit) for unit in units.index),
        runs=len(runs),
        met=int(runs["met"].sum()),
        changed_at=changed_at,
    )


def _under_way(frame: pd.DataFrame, seen: set[str]) -> list[UnitValue]:
    """Flow runs that have not ended, of the flows of those seen, and not seen themselves."""
    flow_runs = frame[frame["process_type"] == "flow_run"]
    names = set(flow_runs.loc[flow_runs["process_id"].isin(seen), "task_name"])
    waiting = flow_runs["completed_at"].isna() & flow_runs["task_name"].isin(names)
    rows = flow_runs[waiting & ~flow_runs["process_id"].isin(seen)]
    return [
        UnitValue(unit, queued.to_pydatetime(), None, float("nan"), None)
        for unit, queued in zip(rows["process_id"], rows["queued_at"], strict=True)
    ]


def _excess(runs: pd.DataFrame, floor_seconds: float) -> pd.Series:
    return (runs["wait"] - floor_seconds).clip(lower=0.0)


def seconds_since_epoch(times: "pd.Series[pd.Timestamp]") -> Floats:
    epoch = pd.Timestamp(0, tz="UTC")
    return np.asarray((times - epoch) / pd.Timedelta(seconds=1), dtype=np.float64)
