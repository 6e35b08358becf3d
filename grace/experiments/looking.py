"""What an experiment has come to: its flow runs by arms, and the look that ends it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pandas as pd

from grace.errors import BadInput
from grace.experiments.register import Standing, end
from grace.measurement.arms import ArmsLook, compare, seconds_left
from grace.measurement.blocks import Unit
from grace.measurement.looks import last_arms_look, record_arms_look
from grace.measurement.metrics import metric
from grace.store import Store
from grace.store.read import newest

__all__ = ["METRICS", "flow_runs", "look_now", "seconds_to_verdict", "take_look"]

# rows carry the time of their last state, which may be the one they were queued in
BEFORE = timedelta(hours=1)

Value = Callable[[pd.DataFrame], "pd.Series[float]"]
METRICS: Mapping[str, Value] = {
    "share of runs that fail": lambda runs: 1.0 - runs["success"].astype(float),
    "mean execution time": lambda runs: runs["execution_time_seconds"].astype(float),
}


def flow_runs(store: Store, flow: str, metric_name: str, since: datetime) -> list[Unit]:
    """A unit a run of the flow, of all its deployments or of one where it is FLOW/DEPLOYMENT.

    Runs under way are there too. A cancelled run counts neither way.
    """
    frame = newest(store, "parallel_process_logs", since=since - BEFORE, process_type="flow_run")
    ours = (frame["task_name"] == flow) | frame["task_name"].str.startswith(f"{flow}/", na=False)
    frame = frame[ours & frame["queued_at"].notna()]
    under_way = frame[frame["completed_at"].isna()]
    ended = frame[frame["completed_at"].notna() & frame["success"].notna()]
    values = METRICS[metric_name](ended)
    known = ended.assign(value=values)[values.notna()]
    columns = ["process_id", "queued_at", "completed_at", "value", "success"]
    seconds = (
        known["execution_time_seconds"]
        .astype(object)
        .where(known["execution_time_seconds"].notna(), None)
    )
    units = [
        Unit(queued.to_pydatetime(), done.to_pydatetime(), float(value), run, ran, float(not good))
        for (run, queued, done, value, good), ran in zip(
            known[columns].itertuples(index=False), seconds, strict=True
        )
    ]
    queued = zip(under_way["process_id"], under_way["queued_at"], strict=True)
    return units + [Unit(time.to_pydatetime(), None, 0.0, run) for run, time in queued]


def look_now(store: Store, standing: Standing, now: datetime, number: int = 0) -> ArmsLook:
    """What stands in the log by now, of one that has ended by its end; nothing is recorded."""
    plan = standing.content.plan
    units = flow_runs(store, plan.subject, plan.metric, standing.begun_at)
    return compare(plan, units, standing.begun_at, standing.ended_at or now, number)


def take_look(store: Store, standing: Standing, now: datetime) -> ArmsLook | None:
    """Look, record it, and end the experiment where there is a verdict; None where none is due."""
    plan = standing.content.plan
    before = last_arms_look(store, standing.series, plan)
    due = timedelta(seconds=plan.trial.look_seconds) + (before.at if before else standing.begun_at)
    if standing.ended_at or (now < due and not (before and before.verdict)):
        return None
    seen = before
    if seen is None or not seen.verdict:
        seen = look_now(store, standing, now, before.number + 1 if before else 1)
        with store.writing(now) as writer:
            record_arms_look(writer, standing.series, plan, seen)
    if seen.verdict:
        end(store, standing, now, seen.verdict, reason_of(standing, seen))
    return seen


def seconds_to_verdict(standing: Standing, seen: ArmsLook) -> float | None:
    """At the volume and the difference so far; no later than the longest duration."""
    plan, elapsed = standing.content.plan, (seen.at - standing.begun_at).total_seconds()
    if standing.ended_at:
        return None
    left = seconds_left(plan, seen.control, seen.treatment, elapsed)
    longest = plan.trial.longest_seconds - elapsed
    return None if left is None or left > longest else left


def reason_of(standing: Standing, seen: ArmsLook) -> str:
    if seen.verdict is None:
        raise BadInput(f"the experiment {standing.name!r} has no verdict yet")
    judged, plan = seen.judgement, standing.content.plan
    runs = f"{judged.n_treatment} runs after, {judged.n_control} before"
    stop = f"{seen.stop}; " if seen.stop else ""
    effect = ""
    if judged.effect is not None:
        effect = f"{plan.metric} differs by {metric(plan.metric).show_change(judged.effect)} "
    told = f"{stop}{effect}({runs})"
    if standing.content.same and seen.verdict in ("improved", "regressed"):
        return f"the arms do the same and yet differ: nothing so measured can be trusted; {told}"
    return told
