"""Undoing: the inverse of what was applied, asked of governance, done and recorded."""

from grace.actions.action import Action, Clock, carry_out
from grace.errors import GraceError, NotAllowed
from grace.governance.cedar import Ruling
from grace.governance.consent import check_is_reviewer
from grace.governance.decisions import Decision, person_approved, record_decision
from grace.governance.policy import Policy
from grace.governance.register import Entry, find, move
from grace.governance.request import about_proposal
from grace.levers import Lever, is_reversible
from grace.states import Verdict
from grace.store import Store, Writer

__all__ = ["undo"]


def undo(
    store: Store,
    lever: Lever,
    entry: Entry,
    policy: Policy,
    clock: Clock,
    *,
    reason: str,
    verdict: Verdict | None = None,
    reviewer: str | None = None,
    run_id: str | None = None,
) -> Entry:
    """Put the target back; the entry comes back rolled_back or rollback_failed.

    `reviewer` names the person who asks, None is the engine. Taken up again after a crash where it
    was left, as it was decided then. Raises NotAllowed where policy or person may not. Call it in
    the target's `turn`.
    """
    inverse = entry.proposal.change.inverse
    if reviewer is not None:
        check_is_reviewer(reviewer, policy)
    if not is_reversible(lever, inverse.target):
        raise NotAllowed(f"{inverse.target} cannot be undone: {lever.name} has no way back")
    decision = None
    if entry.state != "rolling_back":
        approved = person_approved(store, entry.id, entry.content_hash)
        asked = about_proposal(entry.proposal, "inverse", clock(), approved_by_person=approved)
        decision = _decide(policy, entry, policy.rule(asked), reviewer, reason, run_id)

    def begin(writer: Writer) -> None:
        if decision is not None:
            record_decision(writer, decision)
            move(writer, entry, "rolling_back", reason=reason, verdict=verdict)

    action = Action(entry.id, "undo", "undo", inverse, run_id)
    try:
        carry_out(store, lever, action, clock, with_start=begin)
    except GraceError as problem:
        if (now := find(store, entry.id)).state != "rolling_back":
            raise
        with store.writing(clock()) as writer:
            return move(writer, now, "rollback_failed", reason=str(problem))
    with store.writing(clock()) as writer:
        now = find(store, entry.id)
        return move(writer, now, "rolled_back", reason=now.reason)


def _decide(
    policy: Policy,
    entry: Entry,
    ruling: Ruling,
    reviewer: str | None,
    reason: str,
    run_id: str | None,
) -> Decision:
    """A listed person may undo at once; the engine may where the policy permits inverses."""
    if ruling.answer == "forbid" or (reviewer is None and ruling.answer != "permit"):
        raise NotAllowed(f"the policy does not permit undoing this: {ruling.reason}")
    return Decision(
        question="undo",
        answer="undo",
        reason=reason if reviewer else f"{reason}; {ruling.reason}",
        proposal_id=entry.id,
        reviewer=reviewer,
        assurance="declared" if reviewer else None,
        policy_digest=policy.digest,
        content_hash=entry.content_hash,
        run_id=run_id,
        detail={
            "change": entry.proposal.change.inverse.model_dump(mode="json"),
            "rules": list(ruling.rules),
        },
    )
