"""Carrying approved changes out, measuring them block by block, undoing them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from prefect import task
from prefect.runtime import flow_run

from grace.actions.applying import apply_approved, recover_applying
from grace.actions.measuring import Measuring, Step
from grace.actions.turns import turn
from grace.actions.undoing import undo
from grace.desk import Desk
from grace.errors import NotAllowed
from grace.governance.policy import Policy, load_policy
from grace.governance.register import Entry, find
from grace.levers import Lever
from grace.measurement.looks import AnyLook, ArmsLook, DaysLook, Look
from grace.settings import Settings
from grace.states import State
from grace.store import Store, open_store
from tasks.prefect_desk import PrefectDesk
from tasks.units import load_units

__all__ = ["Carried", "apply_change", "take_step", "undo_change"]

# what people are told of by a notice; the rest they read where they look
TOLD: dict[State, str] = {
    "applied": "a change was applied",
    "superseded": "an approved change was not applied",
    "failed": "a change could not be applied",
    "kept": "a change was kept",
    "rolled_back": "a change was undone",
    "rollback_failed": "a change could not be undone",
}


@dataclass(frozen=True)
class Carried:
    """How the proposal stands now, and a line that says so."""

    state: State
    told: str


@dataclass(frozen=True)
class _Held:
    """A proposal in the turn of its target: nobody else acts on it meanwhile."""

    store: Store
    entry: Entry
    lever: Lever
    policy: Policy
    desk: Desk

    def tell(self) -> None:
        """Let people know where the proposal stands, if that has changed."""
        now = find(self.store, self.entry.id)
        if now.state != self.entry.state and now.state in TOLD:
            self.desk.tell(now, TOLD[now.state])


@task
def apply_change(settings: Settings, proposal_id: str, desk: Desk | None = None) -> Carried:
    """Apply what was approved, or end what a killed process began, and have it measured."""
    with _held(settings, proposal_id, desk) as held:
        carried = _apply(held)
        held.tell()
    if carried.state == "applied":
        held.desk.start_step(proposal_id, "first")
    return carried


@task
def take_step(
    settings: Settings, proposal_id: str, closed_at: datetime, desk: Desk | None = None
) -> Carried:
    """Close the block that is due, judge, and begin the next, or end the measurement.

    The step after it is scheduled for when the block that runs now is due.
    """
    with _held(settings, proposal_id, desk) as held:
        measuring = Measuring(held.store, held.lever, held.policy, held.desk.now, flow_run.id)
        units = load_units(held.store, held.entry, closed_at, held.policy)
        step = measuring.step(held.entry, units, closed_at)
        held.tell()
    if step.next_at is not None:
        held.desk.start_step(proposal_id, step.next_at.isoformat(), step.next_at)
    return Carried(step.entry.state, _step_told(step))


def undo_change(settings: Settings, proposal_id: str, reviewer: str, reason: str) -> Entry:
    """Put the target back at a reviewer's word, whatever is being measured."""
    with _held(settings, proposal_id) as held:
        undone = undo(
            held.store,
            held.lever,
            held.entry,
            held.policy,
            held.desk.now,
            reason=reason,
            reviewer=reviewer,
        )
        held.tell()
        return undone


def _apply(held: _Held) -> Carried:
    entry = held.entry
    parts, now = (held.store, held.lever, entry), held.desk.now
    try:
        if entry.state == "applying":
            entry = recover_applying(*parts, now, flow_run.id)
        elif entry.state == "approved":
            entry = apply_approved(*parts, held.policy, now, flow_run.id)
    except NotAllowed as brake:
        return Carried(entry.state, f"{entry.id} is {entry.state} and waits: {brake}")
    return Carried(entry.state, _told(entry))


@contextmanager
def _held(settings: Settings, proposal_id: str, desk: Desk | None = None) -> Iterator[_Held]:
    """The proposal as it stands once its target's turn has come."""
    store = open_store(settings.url, create=False)
    policy = load_policy(settings)
    change = find(store, proposal_id).proposal.change
    desk = desk or PrefectDesk(settings)
    lever = desk.lever(change.lever)
    with turn(settings, change.target):
        yield _Held(store, find(store, proposal_id), lever, policy, desk)


def _told(entry: Entry) -> str:
    change = entry.proposal.change
    why = f" ({entry.reason})" if entry.reason else ""
    return f"{entry.id} is {entry.state}: {change.target} {change.before} -> {change.after}{why}"


def _step_told(step: Step) -> str:
    if step.next_at is None:
        return _told(step.entry)
    if step.entry.proposal.plan.design == "arms":
        return _arms_told(step.entry.id, step.next_at, step.look)
    if isinstance(step.look, DaysLook):
        return f"{len(step.look.after)} days since the change are over; {_next(step.next_at)}"
    arm = step.entry.proposal.plan.arms[step.block or 0]
    seen = step.look.judgement if isinstance(step.look, Look) else None
    so_far = f"; after {seen.pairs} pairs the e-value is {seen.e_value:.2f}" if seen else ""
    return f"block {step.block} runs ({arm}) until {step.next_at:%H:%M:%S} UTC{so_far}"


def _next(at: datetime) -> str:
    return f"the next look is at {at:%Y-%m-%d %H:%M:%S} UTC"


def _arms_told(proposal_id: str, next_at: datetime, seen: AnyLook | None) -> str:
    until = _next(next_at)
    if not isinstance(seen, ArmsLook):
        return f"the runs of {proposal_id} go by their arms; {until}"
    judged = seen.judgement
    return f"{judged.n_control} runs as before, {judged.n_treatment} with the change; {until}"
