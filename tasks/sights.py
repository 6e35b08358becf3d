"""What the last day shows of a target that a person wants changed, and what would measure it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from statistics import fmean
from typing import Literal, TypeAlias

import pandas as pd
from pydantic import JsonValue

from grace.errors import BadInput
from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.proposal import Prediction, Unit
from grace.measurement.deployments import (
    EXECUTION,
    METRICS,
    TASKS,
    deployment_subject,
    deployment_units,
)
from grace.measurement.outcomes import usual
from grace.opportunities import fix_recurring_error, improve_execution, reduce_wait_time
from grace.opportunities.choosing import predict
from grace.opportunities.earning import execution_units
from grace.opportunities.grouping import gap_seconds, name_of
from grace.opportunities.waits import pressures
from grace.patterns.library import Library
from grace.store import Store
from grace.store.read import newest
from tasks.executions import decisions_since

__all__ = ["RECENT", "Sight", "Wished", "see"]

RECENT = timedelta(hours=24)
LONG = timedelta(days=28)
RUNS = "parallel_process_logs"
NONE = "none"
BY_HAND = "a change by hand comes without a prediction"

# levers of a deployment, and what tells whether they did harm where the proposer names nothing
USUAL: Mapping[str, str] = {
    "deployment-schedule": EXECUTION,
    "deployment-parameters": EXECUTION,
    "default-retries": TASKS,
}


@dataclass(frozen=True)
class Wished:
    """By what the proposer wants it measured; `of` is a deployment FLOW/NAME, or a limit.

    None is *not said*; the metric *none* is a word of its own.
    """

    metric: str | None = None
    of: str | None = None


@dataclass(frozen=True)
class Sight:
    """What the log shows of a target; `subject` is None where nothing would measure a change.

    `on_no_effect` is what the proposer did not ask for: None leaves it to the policy.
    """

    metric: str
    prediction: Prediction
    subject: str | None = None
    times: Sequence[datetime] = ()
    values: Sequence[float] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    floor_seconds: float | None = None
    gap_seconds: float | None = None
    units_a_block: int = 2
    unit: Unit = "flow run"
    flow_runs: Sequence[float] = ()
    usual_seconds: float | None = None
    usual_failures: float | None = None
    guarded_seconds: float | None = None
    on_no_effect: Literal["keep"] | None = None


See: TypeAlias = Callable[[Store, pd.DataFrame, Change, datetime], Sight]


def see(
    store: Store, policy: Policy, frame: pd.DataFrame, change: Change, now: datetime, wished: Wished
) -> Sight:
    """`frame` holds the runs of the last day. Raises BadInput for a wish that nothing can meet."""
    if wished.metric is None and wished.of is None:
        return _own(change, policy)(store, frame, change, now)
    if wished.metric == NONE:
        how = "the proposer wants it measured by nothing"
        return _unmeasured(reduce_wait_time.METRIC, how)
    name = wished.metric or USUAL.get(change.lever, "nothing")
    if name == reduce_wait_time.METRIC:
        return _waits(_named(wished, change, name), store, frame, change, now)
    if name in METRICS:
        return _deployment(name, _named(wished, change, name), None, store, frame, change, now)
    known = ", ".join(f'"{each}"' for each in (*METRICS, reduce_wait_time.METRIC, NONE))
    raise BadInput(f"a change by hand is measured by one of {known}, not {wished.metric!r}")


def _named(wished: Wished, change: Change, name: str) -> str:
    """Of what the metric is taken: as it was said, else what the target itself names."""
    if name == reduce_wait_time.METRIC:
        if wished.of is None and change.lever != reduce_wait_time.LEVER:
            raise BadInput("say whose wait with --of: a limit, as in --of work-pool:NAME")
        return wished.of or change.target
    said = (wished.of or "").removeprefix("deployment:")
    kind, _, rest = change.target.partition(":")
    if not said and kind in ("schedule", "parameters", "retries", "deployment", "run"):
        said = rest.partition("#")[0]
    if "/" not in said:
        raise BadInput(f"say of which deployment with --of FLOW/NAME: the {name} of whose runs?")
    return said


def _own(change: Change, policy: Policy) -> See:
    """What a lever is measured by where the proposer does not say."""
    known: dict[str, See] = {
        reduce_wait_time.LEVER: partial(_waits, change.target),
        fix_recurring_error.LEVER: _failures,
        improve_execution.LEVER: partial(_executions, policy),
    }
    if (usual := USUAL.get(change.lever)) is not None:
        name = _named(Wished(), change, usual)
        return partial(_deployment, usual, name, "keep")
    return known.get(change.lever, _nothing)


def _deployment(
    metric: str,
    name: str,
    on_no_effect: Literal["keep"] | None,
    store: Store,
    frame: pd.DataFrame,
    change: Change,
    now: datetime,
) -> Sight:
    """The runs of one deployment, whatever is turned."""
    if isinstance(change.after, dict) and change.after.get("active") is False:
        return _unmeasured(metric, "a paused schedule starts no runs that could be compared")
    subject = deployment_subject(name)
    ended = [unit for unit in deployment_units(frame, subject, metric) if unit.completed]
    known = [unit for unit in ended if not math.isnan(unit.value)]
    times = sorted(unit.completed for unit in known if unit.completed)
    values = [unit.value for unit in known]
    seconds = [unit.seconds for unit in ended if unit.seconds is not None]
    failed = [unit.failed for unit in ended if unit.failed is not None]
    if not values:
        how = f"no run of {name} was logged within a day"
        return Sight(
            metric,
            Prediction(metric=metric, now=None, then=None, how=how),
            subject,
            gap_seconds=_rarer(_usual_gap(store, name, now), change.after),
            on_no_effect=on_no_effect,
        )
    return Sight(
        metric=metric,
        prediction=Prediction(metric=metric, now=fmean(values), then=None, how=BY_HAND),
        subject=subject,
        times=times,
        values=values,
        facts={"deployment": name},
        gap_seconds=_rarer(gap_seconds(times) or _usual_gap(store, name, now), change.after),
        usual_seconds=fmean(seconds) if seconds else None,
        usual_failures=fmean(failed),
        on_no_effect=on_no_effect,
    )


def _usual_gap(store: Store, name: str, now: datetime) -> float | None:
    """Between the runs of a deployment that runs about once a day, or less often."""
    runs = newest(store, RUNS, since=now - LONG, process_type="flow_run", task_name=name)
    return gap_seconds(sorted(time.to_pydatetime() for time in runs["completed_at"].dropna()))


def _rarer(gap: float | None, after: JsonValue) -> float | None:
    """A block has to hold runs also where the change makes them rarer."""
    interval = after.get("interval_seconds") if isinstance(after, dict) else None
    if gap is None or not isinstance(interval, int | float):
        return gap
    return max(gap, float(interval))


def _waits(key: str, store: Store, frame: pd.DataFrame, change: Change, now: datetime) -> Sight:
    """Under the limit of this key; only a change of it can be foreseen."""
    metric = reduce_wait_time.METRIC
    found = next(
        (each for each in pressures(frame, now, since=now - RECENT) if each.key == key), None
    )
    if found is None or not found.units:
        how = "no run under this target was logged within a day"
        return Sight(metric, Prediction(metric=metric, now=None, then=None, how=how), key)
    if key == change.target and isinstance(change.after, int):
        forecast = predict(frame, key, change.after)
        foreseen = {"now": forecast.now, "then": forecast.then, "how": forecast.how}
    else:
        foreseen = {"now": fmean(found.values), "then": None, "how": BY_HAND}
    return Sight(
        metric=metric,
        prediction=Prediction.model_validate({"metric": metric, **foreseen}),
        subject=key,
        times=found.times,
        values=found.values,
        facts={"wait that no limit lowers": f"{found.floor_seconds:.2f} s"},
        floor_seconds=found.floor_seconds,
        gap_seconds=found.gap_seconds,
        guarded_seconds=(ended := usual(frame, found.unit_ids)).seconds,
        usual_failures=ended.failed,
    )


def _failures(store: Store, frame: pd.DataFrame, change: Change, now: datetime) -> Sight:
    """The task in which the pattern lost most time within a day."""
    metric, library = fix_recurring_error.METRIC, Library.load(store)
    every = fix_recurring_error.recurrences(frame, library.fingerprint_of, now, now - RECENT)
    found = next((each for each in every if each.target == change.target), None)
    if found is None:
        how = "no run ended with this error within a day, so nothing would measure a change"
        return _unmeasured(metric, how)
    return Sight(
        metric=metric,
        prediction=Prediction(metric=metric, now=fmean(found.values), then=None, how=BY_HAND),
        subject=found.subject,
        times=found.times,
        values=found.values,
        facts={"error": library.pattern(found.fingerprint).template, "task": found.task},
        gap_seconds=found.gap_seconds,
        units_a_block=found.units_a_block,
        flow_runs=found.values,
        usual_seconds=found.usual_seconds,
    )


def _executions(
    policy: Policy, store: Store, frame: pd.DataFrame, change: Change, now: datetime
) -> Sight:
    """The decisions that a permit is about."""
    metric = improve_execution.METRIC
    rows = decisions_since(store, policy, now - RECENT)
    units = execution_units(improve_execution.of_change(rows, change), now)
    if not units:
        how = "no such decision was logged within a day, so nothing would measure a change"
        return _unmeasured(metric, how)
    values = [unit.value for unit in units]
    times = [unit.completed for unit in units if unit.completed]
    return Sight(
        metric=metric,
        prediction=Prediction(metric=metric, now=fmean(values), then=None, how=BY_HAND),
        subject=change.target.partition(":")[2],
        times=times,
        values=values,
        gap_seconds=gap_seconds(times),
        unit=name_of(units),
    )


def _nothing(store: Store, frame: pd.DataFrame, change: Change, now: datetime) -> Sight:
    how = "Grace knows no metric that this lever moves; --metric and --of name one"
    return _unmeasured(reduce_wait_time.METRIC, how)


def _unmeasured(metric: str, how: str) -> Sight:
    return Sight(metric, Prediction(metric=metric, now=None, then=None, how=how))
