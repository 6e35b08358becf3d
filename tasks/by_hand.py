"""A change that a person proposes: the same proposal, policy, approval and measurement."""

import json
from datetime import UTC, datetime
from statistics import fmean

import numpy as np
from pydantic import JsonValue

from grace.errors import BadInput
from grace.governance.change import Change
from grace.governance.policy import Policy, load_policy
from grace.governance.proposal import Evidence, Proposal
from grace.governance.register import Entry, list_entries
from grace.governance.track import track_of
from grace.levers import completed, find_lever
from grace.opportunities import improve_ml_confidence
from grace.opportunities.drawing import Case, draw_up
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.read import newest
from tasks.levers.delete_archives import DeleteArchives, archives_title
from tasks.proposals import submit_proposal
from tasks.sights import RECENT, Wished, see
from tasks.units import days_with_data

__all__ = ["propose_by_hand"]

NOTHING = Wished()


def propose_by_hand(
    settings: Settings,
    lever_name: str,
    target: str,
    value: JsonValue,
    *,
    why: str,
    by: str,
    measured_by: Wished = NOTHING,
) -> Entry:
    """Propose to set a target; the entry comes back waiting, permitted or forbidden.

    Raises BadInput for a value that the lever cannot take or that is set already, while another
    proposal for the target is open, in the engine's name, or for a wish that nothing can meet.
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
        _case(store, policy, change, why, by, now, measured_by),
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


def _case(
    store: Store, policy: Policy, change: Change, why: str, by: str, now: datetime, wished: Wished
) -> Case:
    """What the last day shows of the target, if anything; a person needs no proof to propose."""
    frame = newest(store, "parallel_process_logs", since=now - RECENT)
    sight = see(store, policy, frame, change, now, wished)
    with store.writing(now) as writer:
        size = writer.size
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
        usual_failures=sight.usual_failures,
        guarded_seconds=sight.guarded_seconds,
        on_no_effect=sight.on_no_effect,
        days_with_data=lambda plan: days_with_data(store, policy, change, plan),
    )


def _title(change: Change) -> str:
    if change.lever == improve_ml_confidence.RUN and isinstance(change.after, dict):
        return f"Run {change.target.partition(':')[2]} with {_told(change.after['parameters'])}"
    if change.target.startswith("webhook:") and isinstance(change.after, dict):
        return f"Send {_told(change.after['body'])} to {change.target}"
    if change.lever == DeleteArchives.name:
        return archives_title(change)
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
