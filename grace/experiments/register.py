"""The register of experiments: each is begun once, with everything fixed, and ended once.

Both are decisions in the log; the content that was begun is hashed, as that of a proposal is.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator

from grace.errors import BadInput, NotAllowed
from grace.governance.decisions import Decision, record_decision
from grace.governance.policy import Policy
from grace.governance.request import about_decision
from grace.measurement.plan import Plan
from grace.states import Verdict
from grace.store import Store, Writer
from grace.store.schema import LOGS

__all__ = ["Content", "Standing", "begin", "end", "find", "list_experiments", "stop"]

DECISIONS = LOGS["decisions"].table
BEGIN, STOP = "begin", "stop"

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Content(BaseModel):
    """What is fixed at the start. With `same` both arms do the same: an A/A experiment, whose only
    sound end is that no difference is found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    why: Words
    by: Words
    same: bool = False
    plan: Plan

    @field_validator("by")
    @classmethod
    def _is_a_person(cls, by: str) -> str:
        if by.casefold() == "grace":
            raise ValueError("grace is the engine's name")
        return by

    @property
    def text(self) -> str:
        """What is hashed: JSON with sorted keys."""
        content = self.model_dump(mode="json")
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Standing:
    """`reason` says why it ended; the verdict is None while it runs, and where it was stopped."""

    content: Content
    content_hash: str
    begun_at: datetime
    ended_at: datetime | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    ended_by: str | None = None

    @property
    def name(self) -> str:
        return self.content.name

    @property
    def series(self) -> str:
        """What its looks are kept under."""
        return series_of(self.name)


def series_of(name: str) -> str:
    return f"experiment/{name}"


def begin(store: Store, policy: Policy, content: Content, now: datetime) -> Standing:
    """Record it; from now on its units count. It changes nothing, so nobody is asked.

    Raises NotAllowed where the policy forbids it, BadInput for a name that was used before: its
    units would fall as they did then.
    """
    ruling = policy.rule(about_decision("experiment", content.by, now))
    if ruling.answer == "forbid":
        raise NotAllowed(f"the policy forbids it: {ruling.reason}")
    decision = Decision(
        question="experiment",
        answer=BEGIN,
        reason=content.why,
        reviewer=content.by,
        assurance="declared",
        policy_digest=policy.digest,
        content_hash=content.hash,
        decision_id=f"{series_of(content.name)}:{BEGIN}",
        detail={"content": content.model_dump(mode="json"), "rules": list(ruling.rules)},
    )
    with store.writing(now) as writer:
        if _row(writer, str(decision.decision_id)) is not None:
            raise BadInput(f"there was an experiment {content.name!r} before; take another name")
        record_decision(writer, decision)
    return Standing(content, content.hash, now)


def stop(store: Store, standing: Standing, now: datetime, *, by: str, reason: str) -> Standing:
    """End it by a person's word, without a verdict. Raises BadInput where it ended before."""
    return _end(store, standing, now, STOP, reason, by)


def end(store: Store, standing: Standing, now: datetime, verdict: Verdict, reason: str) -> Standing:
    """End it with its verdict. Raises BadInput where it ended before."""
    return _end(store, standing, now, verdict, reason, None)


def find(store: Store, name: str) -> Standing:
    """Raises BadInput naming those there are."""
    found = list_experiments(store)
    for each in found:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in found) or "none yet"
    raise BadInput(f"there is no experiment {name!r}; there are: {known}")


def list_experiments(store: Store) -> list[Standing]:
    """All of them, oldest first."""
    query = (
        sa.select(DECISIONS)
        .where(DECISIONS.c.question == "experiment")
        .order_by(DECISIONS.c.ledger_index)
    )
    with store.reading() as connection:
        rows = connection.execute(query).all()
    ends = {row.decision_id: row for row in rows if row.answer != BEGIN}
    return [_standing(row, ends) for row in rows if row.answer == BEGIN]


def _standing(row: Any, ends: dict[str, Any]) -> Standing:
    content = Content.model_validate(json.loads(row.detail)["content"])
    ended = ends.get(_end_id(content.name))
    if ended is None:
        return Standing(content, row.content_hash, row.decided_at)
    verdict: Verdict | None = None if ended.answer == STOP else ended.answer
    return Standing(
        content,
        row.content_hash,
        row.decided_at,
        ended.decided_at,
        verdict,
        ended.reason,
        ended.reviewer,
    )


def _end(
    store: Store, standing: Standing, now: datetime, answer: str, reason: str, by: str | None
) -> Standing:
    decision = Decision(
        question="experiment",
        answer=answer,
        reason=reason,
        reviewer=by,
        assurance="declared" if by else None,
        content_hash=standing.content_hash,
        decision_id=_end_id(standing.name),
    )
    with store.writing(now) as writer:
        if _row(writer, _end_id(standing.name)) is not None:
            raise BadInput(f"the experiment {standing.name!r} has ended already")
        record_decision(writer, decision)
    return find(store, standing.name)


def _end_id(name: str) -> str:
    return f"{series_of(name)}:end"


def _row(writer: Writer, decision_id: str) -> Any:
    query = sa.select(DECISIONS.c.id).where(DECISIONS.c.decision_id == decision_id)
    return writer.connection.execute(query).first()
