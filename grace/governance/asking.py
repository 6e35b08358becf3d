"""Submitting a proposal to governance, and taking a person's answer to it."""

from datetime import datetime
from typing import Literal

from grace.errors import NotAllowed
from grace.governance.consent import Answer, check_can_answer, check_is_asked
from grace.governance.decisions import Decision, record_decision, was_decided
from grace.governance.policy import Policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry, find, move, raise_proposal
from grace.governance.request import about_proposal
from grace.states import State
from grace.store import Store

__all__ = ["NO_ANSWER", "Outcome", "submit", "take_answer"]

Outcome = Literal["approved", "rejected", "ask again", "closed"]

NO_ANSWER = "the run was resumed without an answer: a forced or empty resume is no consent"

AFTER_RULING: dict[str, State] = {
    "forbid": "forbidden",
    "ask": "awaiting_approval",
    "permit": "approved",
}


def submit(store: Store, proposal: Proposal, policy: Policy, now: datetime) -> Entry:
    """Enter a proposal and let the policy rule on it, all in one transaction.

    The entry comes back forbidden, awaiting approval, or approved where the policy permits it.
    Raises BadInput where the same opportunity is open already.
    """
    ruling = policy.rule(about_proposal(proposal, "change", now))
    with store.writing(now) as writer:
        entry = raise_proposal(writer, proposal)
        record_decision(
            writer,
            Decision(
                question="may it be done",
                answer=ruling.answer,
                reason=ruling.reason,
                proposal_id=entry.id,
                policy_digest=policy.digest,
                content_hash=entry.content_hash,
                detail={"rules": list(ruling.rules)},
            ),
        )
        return move(writer, entry, AFTER_RULING[ruling.answer], reason=ruling.reason)


def take_answer(
    store: Store,
    policy: Policy,
    entry: Entry,
    answer: Answer | None,
    *,
    asked_hash: str,
    decision_id: str,
    now: datetime,
    run_id: str | None,
) -> Outcome:
    """Record what was answered, None being no answer, and what follows from it.

    `asked_hash` is the hash of the content that was shown. The same `decision_id` again changes
    nothing: a run that is taken up again meets its old answers.
    """
    if was_decided(store, decision_id):
        return _outcome(find(store, entry.id).state)
    try:
        check_is_asked(entry, asked_hash, now)
    except NotAllowed as refusal:
        return _close(store, policy, entry, answer, str(refusal), asked_hash, decision_id, now)
    decision = _decision(policy, entry, answer, asked_hash, decision_id, run_id)
    with store.writing(now) as writer:
        record_decision(writer, decision)
        if decision.answer == "approve":
            entry = move(writer, entry, "approved", reason=decision.reason)
        elif decision.answer == "reject":
            entry = move(writer, entry, "rejected", reason=decision.reason)
    return _outcome(entry.state)


def _decision(
    policy: Policy,
    entry: Entry,
    answer: Answer | None,
    asked_hash: str,
    decision_id: str,
    run_id: str | None,
) -> Decision:
    refusal = NO_ANSWER if answer is None else None
    if answer is not None:
        try:
            check_can_answer(answer, entry, policy)
        except NotAllowed as problem:
            refusal = str(problem)
    return Decision(
        question="a person's answer",
        answer="invalid" if refusal or answer is None else answer.answer,
        reason=refusal or (answer.reason if answer else ""),
        proposal_id=entry.id,
        reviewer=answer.reviewer.strip() if answer else None,
        assurance="declared" if answer else None,
        policy_digest=policy.digest,
        content_hash=asked_hash,
        run_id=run_id,
        decision_id=decision_id,
        detail={
            "given": answer.model_dump() if answer else None,
            "own proposal": "vacuous: proposed by the engine" if entry.proposal.by_engine else "no",
        },
    )


def _close(
    store: Store,
    policy: Policy,
    entry: Entry,
    answer: Answer | None,
    reason: str,
    asked_hash: str,
    decision_id: str,
    now: datetime,
) -> Outcome:
    """Record an answer that came too late, or to something else than was shown."""
    refused = Decision(
        question="a person's answer",
        answer="refused",
        reason=reason,
        proposal_id=entry.id,
        reviewer=answer.reviewer.strip() if answer else None,
        assurance="declared" if answer else None,
        policy_digest=policy.digest,
        content_hash=asked_hash,
        decision_id=decision_id,
    )
    with store.writing(now) as writer:
        record_decision(writer, refused)
        if entry.state == "awaiting_approval":
            overdue = entry.content_hash == asked_hash
            move(writer, entry, "expired" if overdue else "superseded", reason=reason)
    return "closed"


def _outcome(state: State) -> Outcome:
    if state == "awaiting_approval":
        return "ask again"
    if state == "rejected":
        return "rejected"
    return "approved" if state == "approved" else "closed"
