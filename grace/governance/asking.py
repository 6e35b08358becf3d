"""Submitting a proposal to governance, and taking a person's answer to it."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from grace.errors import NotAllowed
from grace.governance.consent import (
    Answer,
    check_can_answer,
    check_is_asked,
    check_known_enough,
)
from grace.governance.decisions import Decision, record_decision, was_decided
from grace.governance.policy import Policy
from grace.governance.proposal import Proposal
from grace.governance.punctual import check_clock
from grace.governance.register import Entry, find, move, raise_proposal
from grace.governance.request import about_proposal
from grace.governance.reviewing import check_as_recorded
from grace.identity.knowing import NOBODY, Known, Proven, check_proof
from grace.identity.statement import Statement
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
    known: Known = NOBODY,
) -> Outcome:
    """Record what was answered, None being no answer, and what follows from it.

    `asked_hash` is the hash of the content that was shown. The same `decision_id` again changes
    nothing: a run that is taken up again meets its old answers.
    """
    if was_decided(store, decision_id):
        return _outcome(find(store, entry.id).state)
    asked = Decision(
        question="a person's answer",
        answer="refused",
        reason="",
        proposal_id=entry.id,
        reviewer=answer.reviewer if answer else None,
        assurance="declared" if answer else None,
        policy_digest=policy.digest,
        content_hash=asked_hash,
        run_id=run_id,
        decision_id=decision_id,
    )
    try:
        check_is_asked(entry, asked_hash, now)
    except NotAllowed as refusal:
        return _close(store, entry, replace(asked, reason=str(refusal)), now)
    decision = _decision(store, policy, entry, answer, asked, now, known)
    with store.writing(now) as writer:
        record_decision(writer, decision)
        if decision.answer == "approve":
            entry = move(writer, entry, "approved", reason=decision.reason)
        elif decision.answer == "reject":
            entry = move(writer, entry, "rejected", reason=decision.reason)
    return _outcome(entry.state)


def _decision(
    store: Store,
    policy: Policy,
    entry: Entry,
    answer: Answer | None,
    asked: Decision,
    now: datetime,
    known: Known,
) -> Decision:
    """What the answer is worth: approve, reject, or invalid with the reason why."""
    detail: dict[str, object] = {
        "given": answer.model_dump(exclude_none=True) if answer else None,
        "own proposal": "vacuous: proposed by the engine" if entry.proposal.by_engine else "no",
    }
    invalid = replace(asked, answer="invalid", detail=detail)
    if answer is None:
        return replace(invalid, reason=NO_ANSWER)
    try:
        check_as_recorded(store, known.roster)
        check_can_answer(answer, entry, policy)
        check_clock(store, entry.proposal.deadline, now)
        _check_run(entry, asked.run_id)
        proven = _proven(known, entry, answer, asked, now)
        assurance = proven.assurance if proven else "declared"
        check_known_enough(assurance, entry, policy)
    except NotAllowed as problem:
        return replace(invalid, reason=str(problem))
    if proven:
        detail |= {"proof": proven.proof, "key": str(proven.key)}
    return replace(
        asked, answer=answer.answer, reason=answer.reason, assurance=assurance, detail=detail
    )


def _proven(
    known: Known, entry: Entry, answer: Answer, asked: Decision, now: datetime
) -> Proven | None:
    """What stands behind the name; None where nothing was said but the name."""
    if answer.proof is None:
        return None
    if known.origin is None:
        raise NotAllowed("the log was never signed, so no proof can be of it: `grace ledger sign`")
    given = Statement(
        log=known.origin,
        proposal=entry.id,
        content=asked.content_hash or "",
        asking=asked.decision_id or "",
        answer=answer.answer,
        reviewer=answer.reviewer,
        reason=answer.reason,
        assurance="declared",
        at=now,
    )
    return check_proof(known, answer.proof, given, since=entry.proposal.created_at)


def _check_run(entry: Entry, run_id: str | None) -> None:
    """What was shown is the page of the run that was started for this proposal, of no other."""
    if run_id and entry.run_id and run_id != entry.run_id:
        raise NotAllowed(f"run {run_id} does not ask about this proposal: {entry.run_id} does")


def _close(store: Store, entry: Entry, refused: Decision, now: datetime) -> Outcome:
    """Record an answer that came too late, or to something else than was shown."""
    with store.writing(now) as writer:
        record_decision(writer, refused)
        if entry.state == "awaiting_approval":
            overdue = entry.content_hash == refused.content_hash
            move(writer, entry, "expired" if overdue else "superseded", reason=refused.reason)
    return "closed"


def _outcome(state: State) -> Outcome:
    if state == "awaiting_approval":
        return "ask again"
    if state == "rejected":
        return "rejected"
    return "approved" if state == "approved" else "closed"
