"""From approved to applied: drift guard, deed, and what a crash in between leaves behind."""

from datetime import datetime

from grace.actions.action import Action, Clock, carry_out
from grace.errors import GraceError, NotAllowed
from grace.governance.brakes import check_may_apply
from grace.governance.decisions import agreed_hash
from grace.governance.policy import Policy
from grace.governance.register import Entry, find, move
from grace.governance.request import about_proposal
from grace.levers import Lever
from grace.states import State
from grace.store import Store, Writer

__all__ = ["apply_approved", "recover_applying"]


def apply_approved(
    store: Store, lever: Lever, entry: Entry, policy: Policy, clock: Clock, run_id: str | None
) -> Entry:
    """Apply an approved change; the entry comes back applied, failed or superseded.

    Raises NotAllowed while a brake is on: then the proposal stays approved. Call it in the
    target's `turn`.
    """
    now = clock()
    check_may_apply(store, entry, policy, now)
    if stale := _stale(store, lever, entry, policy, now):
        return _end(store, entry, "superseded", stale, clock)
    return _apply(store, lever, entry, clock, run_id)


def recover_applying(
    store: Store, lever: Lever, entry: Entry, clock: Clock, run_id: str | None
) -> Entry:
    """End what a killed process began. Call it in the target's `turn`: then nobody else is at it.

    The deed is done again, under its own id, unless the target has been moved somewhere else.
    """
    change = entry.proposal.change
    observed = lever.read(change.target)
    if observed not in (change.before, change.after):
        reason = f"while it was applied {change.target} was set to {observed!r} by somebody else"
        return _end(store, entry, "failed", reason, clock)
    return _apply(store, lever, entry, clock, run_id)


def _apply(store: Store, lever: Lever, entry: Entry, clock: Clock, run_id: str | None) -> Entry:
    action = Action(entry.id, "apply", "apply", entry.proposal.change, run_id)

    def begin(writer: Writer) -> None:
        if entry.state == "approved":
            move(writer, entry, "applying")

    try:
        carry_out(store, lever, action, clock, with_start=begin)
    except GraceError as problem:
        # of two at once the second cannot begin; then the state is not *applying* by our doing
        if (now := find(store, entry.id)).state != "applying":
            raise
        return _end(store, now, "failed", str(problem), clock)
    return _end(store, find(store, entry.id), "applied", None, clock)


def _stale(store: Store, lever: Lever, entry: Entry, policy: Policy, now: datetime) -> str | None:
    """Why what was approved is not what would now be done, if so."""
    change = entry.proposal.change
    agreed = agreed_hash(store, entry.id)
    if agreed is None:
        raise NotAllowed("nobody has approved it")
    if agreed != entry.content_hash:
        return "the proposal was edited after it was approved: its content has another hash"
    ruling = policy.rule(about_proposal(entry.proposal, "change", now))
    if ruling.answer == "forbid":
        return f"the policy now forbids it: {ruling.reason}"
    observed = lever.read(change.target)
    if observed == change.before:
        return None
    return f"{change.target} is {observed!r}, no longer {change.before!r} as the proposal saw it"


def _end(store: Store, entry: Entry, state: State, reason: str | None, clock: Clock) -> Entry:
    with store.writing(clock()) as writer:
        return move(writer, entry, state, reason=reason)
