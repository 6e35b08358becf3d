"""Which cause binds: why the runs of a deployment wait or take long, and why nothing else is it.

A frame of `parallel_process_logs` in, for each deployment the causes out, ranked by the seconds
that they cost a flow run, each with its evidence. The occupancy is that at the time of waiting
(`hindrances`). Two rules decide between causes that look alike:

- a limit that is full only because schedules fire together is not the cause: played again with the
  same runs spread evenly, at most half of the waiting is left;
- a wait that no recorded limit explains is the worker's: its places, where never more runs were at
  work at once than those that were found before, else its poll and the start of a process.

What cannot be told apart is said to be so: Prefect counts the wait for a *global* limit as
execution, and its events do not say when a run began to wait for one.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from grace.governance.optimizing import Optimizing
from grace.opportunities.bursts import Burst
from grace.opportunities.hindrances import WORKER, Hindrances, hindrances
from grace.opportunities.stalls import Inside, inside

__all__ = ["LIMITS", "SATURATION", "SCHEDULES", "Cause", "Diagnosis", "diagnose"]

LIMITS = {
    "work pool": "work-pool:",
    "work queue": "work-queue:",
    "deployment limit": "deployment:",
    "tag limit": "tag:",
}
SATURATION, SCHEDULES, POLL = "worker saturation", "schedules firing together", "worker poll"
SLOW, GLOBAL = "one slow task", "global limit"
# a task that holds less of the work than this does not stand out
MOST = 0.5


@dataclass(frozen=True)
class Cause:
    """`seconds` is what it costs a flow run, on average; None where that cannot be told.

    `key` is the limit, `worker:POOL/QUEUE`, or the task; of schedules that fire together what their
    runs wait for, and `burst` those runs.
    """

    name: str
    seconds: float | None
    told: str
    key: str | None = None
    binds: bool = False
    burst: Burst | None = None


@dataclass(frozen=True)
class Diagnosis:
    """The causes of one deployment, what binds first and by its cost; none below enough runs."""

    subject: str
    runs: int
    needed: int
    causes: tuple[Cause, ...] = ()

    @property
    def binding(self) -> Cause | None:
        return next((cause for cause in self.causes if cause.binds), None)

    @property
    def text(self) -> str:
        """A line a cause, what binds first."""
        if not self.causes:
            return f"insufficient data: {self.runs} of {self.needed} flow runs"
        first = self.binding
        head = f"{first.name} binds." if first else "nothing binds."
        return "\n".join((head, *(cause.told for cause in self.causes)))

    def cause(self, name: str) -> Cause | None:
        return next((cause for cause in self.causes if cause.name == name), None)

    def others(self, name: str) -> list[str]:
        """Why each other cause was not chosen: a sentence each."""
        return [cause.told for cause in self.causes if cause.name != name]


def diagnose(
    frame: pd.DataFrame,
    now: datetime | None = None,
    since: datetime | None = None,
    rules: Optimizing | None = None,
) -> list[Diagnosis]:
    """One a deployment (or flow without one) that queued runs since then, the costliest first.

    `frame` may reach further back, so that what was at work before counts as such.
    """
    rules = rules or Optimizing()
    if now is not None:
        frame = frame[~(frame["completed_at"] > now)]
    if not (frame["completed_at"].notna() & frame["started_at"].notna()).any():
        return []
    seen = hindrances(frame)
    flow_runs = seen.runs[seen.runs["level"] == "flow_run"]
    if since is not None:
        flow_runs = flow_runs[flow_runs["queued"] >= since]
    found = [
        _of_deployment(str(name), group, seen, rules) for name, group in flow_runs.groupby("name")
    ]
    return sorted(found, key=lambda each: (-_cost(each), each.subject))


def _cost(diagnosis: Diagnosis) -> float:
    first = diagnosis.binding
    return (first.seconds or 0.0) * diagnosis.runs if first else 0.0


def _of_deployment(
    name: str, flow_runs: pd.DataFrame, seen: Hindrances, rules: Optimizing
) -> Diagnosis:
    if len(flow_runs) < rules.fewest_runs:
        return Diagnosis(name, len(flow_runs), rules.fewest_runs)
    tasks = seen.runs[(seen.runs["level"] == "task_run")]
    within = inside(flow_runs, tasks)
    of = _Deployment(flow_runs, tasks[tasks["unit"].isin(flow_runs["process_id"])], within, seen)
    causes = [_limit(kind, of) for kind in LIMITS]
    causes += [_saturation(of), _schedules(of), _poll(of), _slow(of, rules), _global(of)]
    ranked = sorted(causes, key=lambda cause: -(cause.seconds or 0.0))
    judged = [_judged(cause, of, rules) for cause in ranked]
    return Diagnosis(
        name,
        len(flow_runs),
        rules.fewest_runs,
        tuple(sorted(judged, key=lambda cause: not cause.binds)),
    )


@dataclass(frozen=True)
class _Deployment:
    flow_runs: pd.DataFrame
    tasks: pd.DataFrame
    within: Inside
    seen: Hindrances

    @property
    def excess(self) -> "pd.Series[float]":
        return (self.flow_runs["wait"] - self.flow_runs["floor"]).clip(lower=0.0)

    def waited_for(self, which: "pd.Series[bool]") -> float:
        """Seconds a flow run above the floor, of those that one thing hindered."""
        return float(self.excess[which].sum()) / len(self.flow_runs)

    def met(self, kind: str) -> pd.DataFrame:
        """The limits of a kind on these flow runs, or all on their task runs, a row each.

        Prefect's task runs have those of tags alone; another system may log others.
        """
        met = self.seen.met
        if kind == "tag:":
            return met[met["process_id"].isin(self.tasks["process_id"])]
        rows = self.flow_runs
        return met[met["key"].str.startswith(kind) & met["process_id"].isin(rows["process_id"])]


def _judged(cause: Cause, of: _Deployment, rules: Optimizing) -> Cause:
    """A wait binds above the threshold of waits, a task where the whole run is slow too."""
    if cause.name == SLOW:
        binds = (cause.seconds or 0.0) > 0 and of.within.execution > rules.execution_seconds
    else:
        binds = (cause.seconds or 0.0) > rules.wait_seconds
    return replace(cause, binds=binds)


def _limit(kind: str, of: _Deployment) -> Cause:
    met = of.met(LIMITS[kind])
    runs = "task runs" if kind == "tag limit" else "flow runs"
    if met.empty:
        return Cause(kind, 0.0, f"No {kind} governs its {runs}.")
    costs = {str(key): _cost_of(str(key), kind, of) for key in met["key"].unique()}
    key = max(costs, key=lambda each: (costs[each], each))
    rows = met[met["key"] == key]
    told = f"{key} (limit {rows['limit'].iloc[-1]}) was found full by {int(rows['met'].sum())} of "
    told += f"{len(rows)} {runs}{_taken(rows)}"
    if key in of.seen.clumped:
        burst = of.seen.bursts[key]
        told += (
            f"; but spread out, the same runs would wait {burst.mean_spread:.1f} s instead of "
            f"{burst.mean_now:.1f} s"
        )
    return Cause(kind, costs[key], f"{told}: {costs[key]:.1f} s a flow run.", key)


def _cost_of(key: str, kind: str, of: _Deployment) -> float:
    if kind == "tag limit":
        return of.within.stalled.get(key, 0.0)
    return 0.0 if key in of.seen.clumped else of.waited_for(of.flow_runs["key"] == key)


def _taken(rows: pd.DataFrame) -> str:
    full = rows.loc[rows["met"], "taken"].dropna()
    if full.empty:
        return ""
    return f", {full.mean():.1f} places taken while they waited"


def _saturation(of: _Deployment) -> Cause:
    mine = of.flow_runs[of.flow_runs["place"] != ""]
    if mine.empty:
        return Cause(SATURATION, 0.0, "No worker starts its flow runs.")
    place = str(mine["place"].iloc[-1])
    key, most = f"{WORKER}{place}", of.seen.places[place]
    hindered = of.flow_runs["key"] == key
    seconds = 0.0 if key in of.seen.clumped else of.waited_for(hindered)
    told = (
        f"The worker of {place} never had more than {most} flow runs at work; "
        f"{int(hindered.sum())} of {len(of.flow_runs)} found as many before them and met no limit"
    )
    return Cause(SATURATION, seconds, f"{told}: {seconds:.1f} s a flow run.", key)


def _schedules(of: _Deployment) -> Cause:
    clumped = of.flow_runs["key"].isin(of.seen.clumped)
    seconds = of.waited_for(clumped)
    if not clumped.any():
        return Cause(SCHEDULES, 0.0, f"Schedules: {_no_burst(of)}.")
    key = str(of.flow_runs.loc[clumped, "key"].mode().iloc[0])
    burst = of.seen.bursts[key]
    names = ", ".join(burst.names)
    told = (
        f"The schedules of {names} fire at the same second, {int(burst.together.sum())} times, and "
        f"their runs queue for {key}: spread out, they would wait {burst.mean_spread:.1f} s "
        f"instead of {burst.mean_now:.1f} s: {seconds:.1f} s a flow run."
    )
    return Cause(SCHEDULES, seconds, told, key, burst=burst)


def _no_burst(of: _Deployment) -> str:
    keys = set(of.flow_runs["key"].dropna()) & of.seen.bursts.keys()
    if not keys:
        return "what it waits for is not wanted by two deployments in the same second"
    burst = of.seen.bursts[sorted(keys)[0]]
    return (
        f"those of {', '.join(burst.names)} fire together, but spread out their runs would still "
        f"wait {burst.mean_spread:.1f} s instead of {burst.mean_now:.1f} s"
    )


def _poll(of: _Deployment) -> Cause:
    """What is waited by whoever meets nothing, and the least of every other wait."""
    runs = of.flow_runs
    if (runs["place"] == "").all():
        return Cause(POLL, 0.0, "No worker polls for its flow runs.")
    free = runs["key"].isna()
    seconds = float(runs["wait"].where(free, np.minimum(runs["wait"], runs["floor"])).mean())
    told = (
        f"Worker poll and start of the process: {int(free.sum())} of {len(runs)} flow runs met "
        f"nothing full, and the floor is {float(runs['floor'].mean()):.1f} s: {seconds:.1f} s a "
        "flow run, which no limit lowers."
    )
    return Cause(POLL, seconds, told, f"{WORKER}{runs['place'].iloc[-1]}")


def _slow(of: _Deployment, rules: Optimizing) -> Cause:
    within = of.within
    seconds = f"of {within.execution:.1f} s of execution a flow run"
    if not within.busy:
        told = f"It has no task runs: all {seconds} is the flow's own code."
        return Cause(SLOW, within.execution, told, "own code")
    name = max(within.busy, key=lambda each: (within.busy[each], each))
    total, mine = sum(within.busy.values()) + within.own, within.busy[name]
    told = f"{name} is at work for {mine:.1f} s {seconds}, {within.own:.1f} s are outside of tasks"
    if total == 0 or mine < MOST * total:
        return Cause(SLOW, 0.0, f"No task stands out: {told}.", name)
    return Cause(SLOW, mine, f"{told}.", name)


def _global(of: _Deployment) -> Cause:
    return Cause(
        GLOBAL,
        None,
        "A global limit cannot be told apart: Prefect counts waiting for one as execution, and "
        "says nowhere when a run began to wait.",
    )
