"""A change that a person proposes: the same proposal, policy, approval and measurement."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from pydantic import JsonValue

from grace.errors import BadInput
from grace.governance.change import Change
from grace.governance.policy import load_policy
from grace.governance.proposal import Evidence, Prediction, Proposal
from grace.governance.register import Entry, list_entries
from grace.governance.track import track_of
from grace.levers import find_lever
from grace.opportunities.choosing import predict
from grace.opportunities.drawing import Case, draw_up
from grace.opportunities.reduce_wait_time import METRIC
from grace.opportunities.waits import LimitPressure, pressures
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.read import newest
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
    lever, policy = find_lever(lever_name), load_policy(settings)
    lever.check(target, value)
    before = lever.read(target)
    if before == value:
        raise BadInput(f"{target} is {value!r} already")
    store = open_store(settings.url)
    entries = list_entries(store)
    _check_none_open(entries, target)
    change = Change(lever=lever_name, target=target, before=before, after=value)
    proposal: Proposal = draw_up(
        _case(store, change, why, by, now),
        lever=lever,
        policy=policy,
        track=track_of(entries, lever_name),
        log=settings.log_name,
        now=now,
        rng=np.random.default_rng(),
    )
    return submit_proposal(settings, proposal, policy)


def _check_none_open(entries: list[Entry], target: str) -> None:
    for entry in entries:
        if entry.is_open and entry.proposal.change.target == target:
            raise BadInput(f"proposal {entry.id[-12:]} for {target} is {entry.state} already")


def _case(store: Store, change: Change, why: str, by: str, now: datetime) -> Case:
    """What the last day shows of the target, if anything; a person needs no proof to propose."""
    frame = newest(store, "parallel_process_logs", since=now - RECENT)
    found = next(
        (each for each in pressures(frame, now, since=now - RECENT) if each.key == change.target),
        None,
    )
    with store.writing(now) as writer:
        size = writer.size
    return Case(
        kind="by_hand",
        title=f"Set {change.target} from {change.before} to {change.after}",
        why=why,
        proposed_by=by,
        change=change,
        evidence=_evidence(found, size),
        prediction=_prediction(frame, found, change),
        floor_seconds=found.floor_seconds if found else None,
        gap_seconds=found.gap_seconds if found else None,
    )


def _evidence(found: LimitPressure | None, size: int) -> Evidence:
    if found is None or not found.units:
        return Evidence(metric=METRIC, unit="none", n=0, mean=None, ledger_size=size)
    return Evidence(
        metric=METRIC,
        unit="flow run",
        n=found.units,
        mean=found.mean,
        span=(found.times[0], found.times[-1]),
        ledger_size=size,
        facts={"wait that no limit lowers": f"{found.floor_seconds:.2f} s"},
    )


def _prediction(frame: pd.DataFrame, found: LimitPressure | None, change: Change) -> Prediction:
    if found is None or not found.units or not isinstance(change.after, int):
        how = "no run under this target was logged within a day"
        return Prediction(metric=METRIC, now=None, then=None, how=how)
    forecast = predict(frame, change.target, change.after)
    return Prediction(metric=METRIC, now=forecast.now, then=forecast.then, how=forecast.how)
