"""What was asked of governance, what it answered, and who: the trail of decisions."""

from dataclasses import dataclass, field
from typing import Literal

import sqlalchemy as sa

from grace.store import Store, Writer
from grace.store.ids import uuid7
from grace.store.schema import LOGS

__all__ = [
    "Decision",
    "agreed_hash",
    "count_decisions",
    "is_paused",
    "person_approved",
    "record_decision",
    "was_decided",
]

DECISIONS = LOGS["decisions"].table

Question = Literal[
    "may it be done",
    "may it decide",
    "a person's answer",
    "undo",
    "pause",
    "enable",
    "drift",
    "idle limit",
    "recover",
    "experiment",
    "reviewers",
]


@dataclass(frozen=True)
class Decision:
    """`reviewer` is whom the answer names, and `assurance` how far that was checked."""

    question: Question
    answer: str
    reason: str
    proposal_id: str | None = None
    reviewer: str | None = None
    assurance: str | None = None
    policy_digest: str | None = None
    content_hash: str | None = None
    run_id: str | None = None
    decision_id: str | None = None
    detail: dict[str, object] = field(default_factory=dict)


def record_decision(writer: Writer, decision: Decision) -> None:
    """Record a decision with its spine line and its event; the same id again adds nothing."""
    row = {**vars(decision), "decided_at": writer.now}
    row["decision_id"] = decision.decision_id or uuid7(writer.now)
    if decision.decision_id and _exists(writer, decision.decision_id):
        return
    writer.append("decisions", [row])
    writer.append("agentic_spine_logs", [_spine(decision, row["decision_id"], writer)])
    resource = f"proposal/{decision.proposal_id}" if decision.proposal_id else "installation"
    told = {name: row[name] for name in ("decision_id", "question", "answer", "reviewer", "reason")}
    writer.event("decision.recorded", resource, told)


def was_decided(store: Store, decision_id: str) -> bool:
    query = sa.select(DECISIONS.c.id).where(DECISIONS.c.decision_id == decision_id)
    with store.reading() as connection:
        return connection.execute(query).first() is not None


def count_decisions(store: Store, proposal_id: str, *, answer: str, reason: str) -> int:
    """How often a proposal was answered so, in these words."""
    query = sa.select(sa.func.count()).where(
        DECISIONS.c.proposal_id == proposal_id,
        DECISIONS.c.answer == answer,
        DECISIONS.c.reason == reason,
    )
    with store.reading() as connection:
        count: int = connection.execute(query).scalar_one()
    return count


def agreed_hash(store: Store, proposal_id: str) -> str | None:
    """The hash of the content that a person approved, or that the policy permitted."""
    query = (
        sa.select(DECISIONS.c.content_hash)
        .where(
            DECISIONS.c.proposal_id == proposal_id,
            DECISIONS.c.answer.in_(("approve", "permit")),
            DECISIONS.c.question.in_(("may it be done", "a person's answer")),
        )
        .order_by(DECISIONS.c.ledger_index.desc())
        .limit(1)
    )
    with store.reading() as connection:
        found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def person_approved(store: Store, proposal_id: str, content_hash: str) -> bool:
    """Whether a person approved this very content."""
    query = sa.select(DECISIONS.c.id).where(
        DECISIONS.c.proposal_id == proposal_id,
        DECISIONS.c.question == "a person's answer",
        DECISIONS.c.answer == "approve",
        DECISIONS.c.content_hash == content_hash,
    )
    with store.reading() as connection:
        return connection.execute(query).first() is not None


def is_paused(store: Store) -> str | None:
    """Why nothing may be applied now, or None: the last word on *pause*."""
    query = (
        sa.select(DECISIONS.c.answer, DECISIONS.c.reason, DECISIONS.c.reviewer)
        .where(DECISIONS.c.question == "pause")
        .order_by(DECISIONS.c.ledger_index.desc())
        .limit(1)
    )
    with store.reading() as connection:
        last = connection.execute(query).first()
    if last is None or last.answer != "pause":
        return None
    return f"paused by {last.reviewer}: {last.reason}"


def _exists(writer: Writer, decision_id: str) -> bool:
    query = sa.select(DECISIONS.c.id).where(DECISIONS.c.decision_id == decision_id)
    return writer.connection.execute(query).first() is not None


def _spine(decision: Decision, decision_id: object, writer: Writer) -> dict[str, object]:
    return {
        "log_id": f"decision/{decision_id}",
        "decision_type": decision.question,
        "chosen_action": decision.answer,
        "rationale": decision.reason,
        "actor": "grace",
        "resource": decision.proposal_id,
        "status": "completed",
        "timestamp": writer.now,
    }
