"""A change that a person proposes: the same proposal, policy, approval and measurement."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import fmean

import numpy as np
import pandas as pd
from pydantic import JsonValue

from grace.errors import BadInput
from grace.governance.change import Change
from grace.governance.policy import Policy, load_policy
from grace.governance.proposal import Evidence, Prediction, Proposal, Unit
from grace.governance.register import Entry, list_entries
from grace.governance.track import track_of
from grace.levers import completed, find_lever
from grace.opportunities import (
    fix_recurring_error,
    improve_execution,
    improve_ml_confidence,
    reduce_wait_time,
)
from grace.opportunities.choosing import predict
from grace.opportunities.drawing import Case, draw_up
from grace.opportunities.earning import execution_units
from grace.opportunities.grouping import gap_seconds, name_of
from grace.opportunities.waits import pressures
from grace.patterns.library import Library
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.read import newest
from tasks.executions import decisions_since
from tasks.proposals import submit_proposal

__all__ = ["propose_by_hand"]

RECENT = timedelta(hours=24)


def propose_by_hand(
    settings: Settings, lever_name: str, target: str, value: JsonValue, *, why: str, by: str
) -> Entry:
    """Propose to set a target; the entry comes back waiting, permitted or forbidden.

    Raises BadInput for a value that the lever cannot take or that is set already, while another
    proposal for the target is open, or in the engine's name.
    """
    now = datetime.now(UTC)
    if by.strip().casefold() == "grace":
        raise BadInput("grace is the engine's name; say whose idea it is with --as")
    lever, policy = find_lever(lever_name, settings), load_policy(settings)
    lever.check(target, value)
    before, value = lever.read(target), completed(lever, target, value)
    if before == value:
        raise BadInput(f"{target} is {value!r} already")
    store = open_store(settings.url)
    entries = list_entries(store)
    _check_none_open(entries, target)
    change = Change(lever=lever_name, target=target, before=before, after=value)
    proposal: Proposal = draw_up(
        _case(store, policy, change, why, by, now),
        lever=lever,
        policy=policy,
        track=track_of(entries, lever_name),
        log=settings.log,
        now=now,
        rng=np.random.default_rng(),
    )
    return submit_proposal(settings, proposal, policy)


def _check_none_open(entries: list[Entry], target: str) -> None:
    for entry in entries:
        if entry.is_open and entry.proposal.change.target == target:
            raise BadInput(f"proposal {entry.id[-12:]} for {target} is {entry.state} already")


def _case(store: Store, policy: Policy, change: Change, why: str, by: str, now: datetime) -> Case:
    """What the last day shows of the target, if anything; a person needs no proof to propose."""
    frame = newest(store, "parallel_process_logs", since=now - RECENT)
    with store.writing(now) as writer:
        size = writer.size
    sight = _sights(change.lever, policy)(store, frame, change, now)
    return Case(
        kind="by_hand",
        title=_title(change),
        why=why,
        proposed_by=by,
        change=change,
        evidence=Evidence(
            metric=sight.metric,
            unit=sight.unit if sight.times else "none",
            n=len(sight.times),
            mean=fmean(sight.values) if sight.values else None,
            span=(sight.times[0], sight.times[-1]) if sight.times else None,
            ledger_size=size,
            facts=dict(sight.facts),
        ),
        prediction=sight.prediction,
        subject=sight.subject,
        floor_seconds=sight.floor_seconds,
        gap_seconds=sight.gap_seconds,
        units_a_block=sight.units_a_block,
        flow_runs=sight.flow_runs,
        usual_seconds=sight.usual_seconds,
    )


@dataclass(frozen=True)
class _Sight:
    """What the log shows of a target; `subject` is None where nothing would measure a change."""

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


_See = Callable[[Store, pd.DataFrame, Change, datetime], _Sight]


def _sights(lever: str, policy: Policy) -> _See:
    known: dict[str, _See] = {
        reduce_wait_time.LEVER: _waits,
        fix_recurring_error.LEVER: _failures,
        improve_execution.LEVER: partial(_executions, policy),
    }
    return known.get(lever, _nothing)


def _waits(store: Store, frame: pd.DataFrame, change: Change, now: datetime) -> _Sight:
    target, metric = change.target, reduce_wait_time.METRIC
    found = next(
        (each for each in pressures(frame, now, since=now - RECENT) if each.key == target), None
    )
    if found is None or not found.units or not isinstance(change.after, int):
        how = "no run under this target was logged within a day"
        return _Sight(metric, Prediction(metric=metric, now=None, then=None, how=how), target)
    forecast = predict(frame, target, change.after)
    return _Sight(
        metric=metric,
        prediction=Prediction(
            metric=metric, now=forecast.now, then=forecast.then, how=forecast.how
        ),
        subject=target,
        times=found.times,
        values=found.values,
        facts={"wait that no limit lowers": f"{found.floor_seconds:.2f} s"},
        floor_seconds=found.floor_seconds,
        gap_seconds=found.gap_seconds,
    )


def _failures(store: Store, frame: pd.DataFrame, change: Change, now: datetime) -> _Sight:
    """The task in which the pattern lost most time within a day."""
    metric, library = fix_recurring_error.METRIC, Library.load(store)
    every = fix_recurring_error.recurrences(frame, library.fingerprint_of, now, now - RECENT)
    found = next((each for each in every if each.target == change.target), None)
    if found is None:
        how = "no run ended with this error within a day, so nothing would measure a change"
        return _Sight(metric, Prediction(metric=metric, now=None, then=None, how=how))
    how = "a change by hand comes without a prediction"
    return _Sight(
        metric=metric,
        prediction=Prediction(metric=metric, now=fmean(found.values), then=None, how=how),
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
) -> _Sight:
    """The decisions that a permit is about."""
    metric = improve_execution.METRIC
    rows = decisions_since(store, policy, now - RECENT)
    units = execution_units(improve_execution.of_change(rows, change), now)
    if not units:
        how = "no such decision was logged within a day, so nothing would measure a change"
        return _Sight(metric, Prediction(metric=metric, now=None, then=None, how=how))
    values = [unit.value for unit in units]
    times = [unit.completed for unit in units if unit.completed]
    how = "a change by hand comes without a prediction"
    return _Sight(
        metric=metric,
        prediction=Prediction(metric=metric, now=fmean(values), then=None, how=how),
        subject=change.target.partition(":")[2],
        times=times,
        values=values,
        gap_seconds=gap_seconds(times),
        unit=name_of(units),
    )


def _nothing(store: Store, frame: pd.DataFrame, change: Change, now: datetime) -> _Sight:
    metric, how = reduce_wait_time.METRIC, "Grace knows no metric that this lever moves"
    return _Sight(metric, Prediction(metric=metric, now=None, then=None, how=how))


def _title(change: Change) -> str:
    if change.lever == improve_ml_confidence.RUN and isinstance(change.after, dict):
        return f"Run {change.target.partition(':')[2]} with {_told(change.after['parameters'])}"
    if change.target.startswith("webhook:") and isinstance(change.after, dict):
        return f"Send {_told(change.after['body'])} to {change.target}"
    if isinstance(change.before, dict) and isinstance(change.after, dict):
        return f"Set {change.target}: {_told_keys(change.before, change.after)}"
    return f"Set {change.target} from {_told(change.before)} to {_told(change.after)}"


def _told_keys(before: dict[str, JsonValue], after: dict[str, JsonValue]) -> str:
    """What differs, key by key; what was or will be absent is nothing."""
    keys = sorted(
        key for key in before.keys() | after.keys() if _one(before, key) != _one(after, key)
    )
    return ", ".join(f"{key} from {_one(before, key)} to {_one(after, key)}" for key in keys)


def _one(value: dict[str, JsonValue], key: str) -> str:
    return json.dumps(value[key], ensure_ascii=False) if key in value else "nothing"


def _told(value: JsonValue) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
