"""The opportunity `reduce_wait_time`: a limit makes runs wait longer than they must.

Raised where the mean *excess* wait, above what no limit lowers, is shown to be beyond 2 s; the
unit of evidence is the flow run. The limit proposed is the smallest that is predicted to bring the
excess down to 1 s; it is at most four times the present one, and none that the policy forbids.
Where the limit is full only because schedules fire together, one of those is moved instead.
"""

from datetime import datetime

import pandas as pd

from grace.governance.change import Change
from grace.governance.optimizing import Optimizing
from grace.governance.policy import Policy
from grace.governance.proposal import Prediction
from grace.measurement.outcomes import usual
from grace.opportunities.causes import LIMITS, SATURATION, SCHEDULES, Diagnosis, diagnose
from grace.opportunities.choosing import choose_limit, ruled_out
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding
from grace.opportunities.refusing import refusal_of
from grace.opportunities.spread_schedules import Timetable, spread_case
from grace.opportunities.streams import Seen, Stream, finding_for, shown
from grace.opportunities.waits import WORKER, LimitPressure
from grace.statistics.evidence import Gate

__all__ = ["KIND", "LEVER", "METRIC", "case_for", "stream_of"]

KIND = "reduce_wait_time"
LEVER = "concurrency-limit"
METRIC = "mean excess wait"


def stream_of(pressure: LimitPressure, origin: datetime, rules: Optimizing | None = None) -> Stream:
    """The flow runs under one limit since its stream began."""
    rules = rules or Optimizing()
    return Stream(
        kind=KIND,
        target=pressure.key,
        metric=METRIC,
        unit="flow run",
        gate=Gate(threshold=rules.wait_seconds, kind="mean_above"),
        origin=origin,
        times=pressure.times,
        values=pressure.values,
    )


def case_for(
    seen: Seen,
    pressure: LimitPressure,
    frame: pd.DataFrame,
    policy: Policy,
    ledger_size: int,
    timetable: Timetable | None = None,
) -> Case | Finding:
    """The case for a better limit or another time, or why there is none.

    Without a `timetable` no schedule can be moved.
    """
    diagnosis = _diagnosis(pressure, frame, policy.optimizer)
    together = diagnosis.cause(SCHEDULES) if diagnosis else None
    if diagnosis and together and together.burst and together.key == pressure.key and timetable:
        others = diagnosis.others(SCHEDULES)
        return spread_case(seen, pressure, together.burst, others, timetable, ledger_size)
    if (no_lever := _no_lever(pressure.key, policy.optimizer, diagnosis)) is not None:
        return finding_for(seen, "held back", no_lever)
    target = policy.optimizer.wait_target
    refusal = refusal_of(policy, LEVER, pressure.key, KIND, pressure.times[-1], pressure.limit)
    choice = choose_limit(frame, pressure.key, target, refusal)
    if choice.limit <= pressure.limit:
        return finding_for(seen, "held back", choice.reason)
    return Case(
        kind="reduce_wait_time",
        title=f"Raise {pressure.key} from {pressure.limit} to {choice.limit}",
        why=(
            f"Its runs wait {seen.weighed.mean or 0:.1f} s longer than they must, on average: "
            f"{100 * pressure.met_share:.0f} % of them found all {pressure.limit} places taken."
        ),
        proposed_by="grace",
        change=Change(lever=LEVER, target=pressure.key, before=pressure.limit, after=choice.limit),
        evidence=shown(
            seen,
            ledger_size=ledger_size,
            facts={
                "wait that no limit lowers": f"{pressure.floor_seconds:.2f} s",
                "task runs that met the limit": f"{100 * pressure.met_share:.0f} %",
            },
            ruled_out=_others(pressure, frame, diagnosis),
        ),
        prediction=Prediction(
            metric=METRIC,
            now=choice.forecast.now,
            then=choice.forecast.then,
            how=choice.forecast.how,
        ),
        subject=pressure.key,
        floor_seconds=pressure.floor_seconds,
        gap_seconds=pressure.gap_seconds,
        guarded_seconds=(ended := usual(frame, pressure.unit_ids)).seconds,
        usual_failures=ended.failed,
    )


def _diagnosis(pressure: LimitPressure, frame: pd.DataFrame, rules: Optimizing) -> Diagnosis | None:
    """Of the deployment that loses most by it, since the limit's value last changed."""
    names = set(frame.loc[frame["process_id"].isin(pressure.unit_ids), "task_name"])
    found = diagnose(frame, since=pressure.changed_at, rules=rules)
    mine = [each for each in found if each.subject in names]
    return max(mine, key=lambda each: _lost(each, pressure.key), default=None)


def _lost(diagnosis: Diagnosis, key: str) -> float:
    costs = [cause.seconds or 0.0 for cause in diagnosis.causes if cause.key == key]
    return diagnosis.runs * max(costs, default=0.0)


def _no_lever(key: str, rules: Optimizing, diagnosis: Diagnosis | None) -> str | None:
    """Why nothing can or may be turned; None where the limit may be."""
    if key.startswith(WORKER):
        cause = diagnosis.cause(SATURATION) if diagnosis else None
        told = cause.told if cause else f"{key} is full"
        return f"{told} No lever reaches the places of a worker: start another, or one with more."
    kind, _, name = key.partition(":")
    if kind in ("work-pool", "work-queue") and name.partition("/")[0] == rules.own_pool:
        return f"{key} is where Grace runs itself, and it never proposes to change that"
    return None


def _others(pressure: LimitPressure, frame: pd.DataFrame, diagnosis: Diagnosis | None) -> list[str]:
    """Why every other cause was not chosen; with few runs, why no other limit was."""
    kinds = [name for name, key in LIMITS.items() if pressure.key.startswith(key)]
    if pressure.level == "task_run":
        kinds = ["tag limit"]
    if diagnosis is None or not diagnosis.causes or not kinds:
        return ruled_out(frame, pressure.key)
    return diagnosis.others(kinds[0])
