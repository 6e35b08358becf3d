"""Whether an answer is consent. Permission asks who answers, policy what state things are in."""

from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints

from grace.errors import NotAllowed
from grace.governance.policy import Policy
from grace.governance.register import Entry
from grace.identity.statement import ASSURANCES, Assurance

__all__ = [
    "WANTED",
    "Answer",
    "check_can_answer",
    "check_is_asked",
    "check_is_reviewer",
    "check_known_enough",
    "needed_for",
]

# what is wanted, and how it is given
WANTED: dict[Assurance, str] = {
    "declared": "declared",
    "signed in": "signed in, on this page or by grace approve, with your password",
    "signature": "signed, by grace approve with --key FILE",
}

Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Answer(BaseModel):
    """What a person says to a proposal; nothing of it has a default, so silence is no answer.

    `proof` is a signed statement of it (`grace.identity.statement`), where there is one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: Literal["approve", "reject"]
    reviewer: Words
    reason: Words
    proof: str | None = None


def check_is_reviewer(name: str, policy: Policy) -> None:
    """Raises NotAllowed; `grace` is no person, whatever the list says."""
    if _same(name, "grace"):
        raise NotAllowed(f"{name!r} is the engine; only a person can be a reviewer")
    if name not in policy.reviewers:
        known = ", ".join(policy.reviewers)
        raise NotAllowed(f"{name!r} is not on the list of reviewers ({known})")


def check_can_answer(answer: Answer, entry: Entry, policy: Policy) -> None:
    """Permission: raises NotAllowed where this person may not answer this proposal.

    For the engine's own proposals the rule against answering one's own is vacuous.
    """
    check_is_reviewer(answer.reviewer, policy)
    if _same(answer.reviewer, entry.proposal.proposed_by):
        raise NotAllowed(f"{answer.reviewer!r} proposed this by hand; somebody else must answer it")


def check_known_enough(assurance: Assurance, entry: Entry, policy: Policy) -> None:
    """Permission: raises NotAllowed where it is not known surely enough who answered."""
    needed = needed_for(entry, policy)
    if ASSURANCES.index(assurance) < ASSURANCES.index(needed):
        tier = entry.proposal.risk.tier
        raise NotAllowed(
            f"a change of {tier} risk needs an answer that is {WANTED[needed]}; this one is "
            f"{assurance}"
        )


def needed_for(entry: Entry, policy: Policy) -> Assurance:
    """How surely it must be known who answers this proposal.

    As the policy said when it was proposed, or as it says now, whichever is more: a policy that was
    edited since does not let a weaker answer through.
    """
    now = policy.assurance.of(entry.proposal.risk.tier)
    return max(entry.proposal.assurance_needed, now, key=ASSURANCES.index)


def check_is_asked(entry: Entry, asked_hash: str, now: datetime) -> None:
    """Policy: raises NotAllowed where this proposal may not be answered by anyone now."""
    if entry.content_hash != asked_hash:
        raise NotAllowed("the proposal is not the one that was shown: its content has another hash")
    if entry.state != "awaiting_approval":
        raise NotAllowed(f"the proposal is {entry.state}, no longer waiting for an answer")
    if entry.proposal.is_overdue(now):
        deadline = entry.proposal.deadline.astimezone(UTC)
        raise NotAllowed(f"the answer came after the deadline {deadline:%F %T} UTC")


def _same(one: str, other: str) -> bool:
    """Whether two names may be one person: spelled otherwise, nobody becomes somebody else."""
    return one.strip().casefold() == other.strip().casefold()
