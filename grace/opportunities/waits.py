"""Waiting for a free slot: which limit makes whom wait, by how much more than it must be.

All functions take a frame of `parallel_process_logs` (newest revisions, times aware), task runs
and flow runs together: the row of a flow run says that all of its task runs are there. The wait
counts from when a run was queued, or from the end of the task runs before it where that is later.

*Excess* is the wait above the floor, the median wait of the runs that met no limit; no limit
lowers the floor. The unit is the flow run, because the waits within one depend on each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from statistics import fmean, median
from typing import Literal

import numpy as np
import pandas as pd

from grace.opportunities.queueing import Floats, met_limit
from grace.recent.matching import places_of
from grace.recent.terms import limits_of, with_terms

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
    complete = set(_complete(frame))
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
    rows = with_terms(frame[ended & ~subflow])
    queued = rows["queued_at"].where(~(rows["ready_at"] > rows["queued_at"]), rows["ready_at"])
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
            "terms": rows["terms"],
        }
    )


def _governed(ended: pd.DataFrame) -> pd.DataFrame:
    """By key, and within one in the order of the frame, whose index the rows keep."""
    terms = ended["terms"].cat
    limits = [limits_of(text) for text in terms.categories]
    found = [_under(key, limits, ended, terms.codes) for key in sorted({*chain(*limits)})]
    if not found:
        return ended.assign(key="", limit=0, met=False).iloc[:0]
    return pd.concat(found)


def _under(
    key: str,
    limits: Sequence[Mapping[str, int]],
    ended: pd.DataFrame,
    codes: "pd.Series[int]",
) -> pd.DataFrame:
    """The runs that one limit governs; `limits` are those of each category of terms."""
    has_it = np.array([key in each for each in limits])
    values = np.array([each.get(key, 0) for each in limits], dtype=np.int64)
    mine = np.flatnonzero(has_it[codes])
    rows, limit = ended.iloc[mine], values[codes.to_numpy()[mine]]
    queued, started, completed = (seconds_since_epoch(rows[name]) for name in TIMES)
    return rows.assign(key=key, limit=limit, met=met_limit(queued, started, completed, limit))


def _floors(ended: pd.DataFrame, governed: pd.DataFrame) -> dict[str, float]:
    free = ended[~ended.index.isin(governed.index[governed["met"]])]
    shortest, usual = ended.groupby("place")["wait"].min(), free.groupby("place")["wait"].median()
    return {str(place): float(usual.get(place, low)) for place, low in shortest.items()}


def _complete(
    frame: pd.DataFrame, now: datetime | None = None, since: datetime | None = None
) -> "pd.Series[str]":
    """Flow runs that ended, so that all of their task runs are in the frame."""
    flow_runs = frame[(frame["process_type"] == "flow_run") & frame["completed_at"].notna()]
    if now is not None:
        flow_runs = flow_runs[flow_runs["completed_at"] <= now]
    if since is not None:
        flow_runs = flow_runs[flow_runs["started_at"] >= since]
    return flow_runs["process_id"]


def _pressure(
    key: str, runs: pd.DataFrame, floor: dict[str, float], complete: "pd.Series[str]"
) -> LimitPressure:
    runs = runs.sort_values("completed", kind="stable")
    last = runs.iloc[-1]
    other = runs[runs["limit"] != last["limit"]]
    changed_at = None if other.empty else other["queued"].max().to_pydatetime()
    if changed_at is not None:
        first_queued = runs.groupby("unit")["queued"].transform("min")
        runs = runs[(runs["limit"] == last["limit"]) & (first_queued > changed_at)]
    seconds = floor[last["place"]]
    whole = runs[places_of(runs["unit"], complete) >= 0]
    excess = whole.assign(excess=_excess(whole, seconds)).groupby("unit")
    units = excess.agg(time=("completed", "max"), value=("excess", "mean")).sort_values("time")
    return LimitPressure(
        key=key,
        level=last["level"],
        limit=int(last["limit"]),
        floor_seconds=seconds,
        times=tuple(units["time"].dt.to_pydatetime()),
        values=tuple(units["value"].tolist()),
        unit_ids=tuple(units.index.tolist()),
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
