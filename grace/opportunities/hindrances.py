"""What each run waited for: the limit or the worker that it found full, else only for its start.

One row a run of `parallel_process_logs` that ended. The occupancy is that at the time of waiting:
of the limits that a run found full the one binds of which most places were taken meanwhile.
"""

from datetime import datetime

import numpy as np
import pandas as pd

from grace.opportunities.bursts import SCHEDULED, Burst, bursts_of
from grace.opportunities.occupancy import mean_taken, worker_places
from grace.opportunities.waits import (
    WORKER,
    LimitPressure,
    ended_runs,
    governed_runs,
    seconds_since_epoch,
)
from grace.recent.terms import tags_of

__all__ = ["WORKER", "Hindrances", "hindrances"]


class Hindrances:
    """`runs` has a row a run: name, unit, place, level, wait, floor and held in seconds, `key`.

    `key` is what hindered it: a limit, `worker:POOL/QUEUE`, or null. `met` has a row for each limit
    on a run: name, key, limit, met, and `taken`, the places that were taken while it waited.
    `places` is the most flow runs that each worker pool ever had at work, `bursts` what came
    together, by what it waited for.
    """

    def __init__(
        self,
        runs: pd.DataFrame,
        met: pd.DataFrame,
        places: dict[str, int],
        bursts: dict[str, Burst],
    ) -> None:
        self.runs, self.met, self.places, self.bursts = runs, met, places, bursts

    @property
    def clumped(self) -> set[str]:
        """What would not be waited for, if its runs did not come together."""
        return {key for key, burst in self.bursts.items() if burst.is_the_cause}

    def worker_pressures(self, since: datetime) -> list[LimitPressure]:
        """What each worker that was found full did, as if its places were a limit."""
        found = []
        flow_runs = self.runs[self.runs["level"] == "flow_run"]
        flow_runs = flow_runs[flow_runs["queued"] >= since]
        for key in sorted(set(flow_runs["key"].dropna())):
            if key.startswith(WORKER):
                mine = flow_runs[flow_runs["place"] == key.removeprefix(WORKER)]
                mine = mine[mine["key"].isna() | (mine["key"] == key)]
                found.append(_worker_pressure(key, mine, self.places[key.removeprefix(WORKER)]))
        return found


def _worker_pressure(key: str, runs: pd.DataFrame, places: int) -> LimitPressure:
    runs = runs.sort_values("completed", kind="stable")
    excess = (runs["wait"] - runs["floor"]).clip(lower=0.0)
    return LimitPressure(
        key=key,
        level="flow_run",
        limit=places,
        floor_seconds=float(runs["floor"].iloc[-1]),
        times=tuple(runs["completed"].dt.to_pydatetime()),
        values=tuple(excess.tolist()),
        unit_ids=tuple(runs["process_id"].tolist()),
        runs=len(runs),
        met=int((runs["key"] == key).sum()),
        changed_at=None,
    )


def hindrances(frame: pd.DataFrame) -> Hindrances:
    runs = _runs(frame)
    met = _met(frame, runs)
    runs["key"] = runs["process_id"].map(_binding(met)).astype(object)
    places = _mark_workers(runs)
    runs["floor"] = _floors(runs)
    return Hindrances(runs, met, places, _bursts(runs, met, places))


def _runs(frame: pd.DataFrame) -> pd.DataFrame:
    ended = ended_runs(frame, None)
    ended = ended[ended["queued"].notna()]
    names, terms = frame.loc[ended.index, "task_name"], ended["terms"].cat
    scheduled = np.array([SCHEDULED in tags_of(text) for text in terms.categories], dtype=bool)
    return ended.assign(
        name=names,
        deployment=names,
        scheduled=scheduled[terms.codes],
        queued_s=seconds_since_epoch(ended["queued"]),
        started_s=seconds_since_epoch(ended["started"]),
        ended_s=seconds_since_epoch(ended["completed"]),
    ).drop(columns="terms")


def _met(frame: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    met = governed_runs(frame)
    columns = ["process_id", "name", "queued_s", "started_s", "ended_s"]
    met = met[["process_id", "level", "unit", "key", "limit", "met"]].merge(
        runs[columns], on="process_id"
    )
    met["taken"] = np.nan
    for _, group in met.groupby("key"):
        queued, started, ended = (group[f"{each}_s"] for each in ("queued", "started", "ended"))
        times = (each.to_numpy() for each in (queued, started, started, ended))
        met.loc[group.index, "taken"] = mean_taken(*times)
    return met


def _binding(met: pd.DataFrame) -> "pd.Series[str]":
    """For each run that found a limit full, the one that was nearest to full while it waited."""
    full = met[met["met"]]
    full = full.assign(share=(full["taken"] / full["limit"]).fillna(0.0))
    full = full.sort_values(["share", "key"], ascending=[False, True], kind="stable")
    return full.drop_duplicates("process_id").set_index("process_id")["key"]


def _mark_workers(runs: pd.DataFrame) -> dict[str, int]:
    """Name the worker as what hindered a run that no limit did; how many it had at work at most.

    A run that a limit holds back does not stand in the worker's queue until it may start.
    """
    places = {}
    flow_runs = runs[(runs["level"] == "flow_run") & (runs["place"] != "")]
    for place, group in flow_runs.groupby("place"):
        queued = group["queued_s"].where(group["key"].isna(), group["started_s"])
        most, full = worker_places(
            queued.to_numpy(), group["started_s"].to_numpy(), group["ended_s"].to_numpy()
        )
        places[str(place)] = most
        hindered = group.index[full & group["key"].isna().to_numpy()]
        runs.loc[hindered, "key"] = f"{WORKER}{place}"
    return places


def _floors(runs: pd.DataFrame) -> "pd.Series[float]":
    """The median wait of who met nothing; where every run met something, the shortest wait."""
    free = runs[runs["key"].isna()].groupby("place")["wait"].median()
    return runs["place"].map(free).fillna(runs.groupby("place")["wait"].transform("min"))


def _bursts(runs: pd.DataFrame, met: pd.DataFrame, places: dict[str, int]) -> dict[str, Burst]:
    found = {}
    flow_runs = runs[runs["level"] == "flow_run"]
    governed = met[met["level"] == "flow_run"]
    for key in sorted(set(flow_runs["key"].dropna())):
        if key.startswith(WORKER):
            place = key.removeprefix(WORKER)
            mine, slots = flow_runs[flow_runs["place"] == place], places[place]
        else:
            under = governed[governed["key"] == key]
            mine = flow_runs[flow_runs["process_id"].isin(under["process_id"])]
            slots = int(under["limit"].iloc[-1])
        burst = bursts_of(mine.sort_values("queued_s", kind="stable"), slots)
        if burst is not None:
            found[key] = burst
    return found
