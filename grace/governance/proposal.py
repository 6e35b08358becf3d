"""A proposal: everything a person needs to answer, fixed and hashed before it is shown.

Editing means superseding: the hash is in the approval run's parameters, in every decision and in
the ledger, so an edited proposal is one that nobody was asked about.
"""

import hashlib
import json
import math
from datetime import datetime
from typing import Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    field_serializer,
    field_validator,
)

from grace.governance.change import Change
from grace.governance.risk import Risk
from grace.identity.statement import Assurance
from grace.measurement.plan import Plan

__all__ = ["Evidence", "Prediction", "Proposal", "Unit", "content_hash", "content_text"]

Unit = Literal["flow run", "hour", "none"]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(Frozen):
    """What was seen. Times are UTC; `e_value` against `needed` is the gate's own figure.

    JSON has no infinity: an end of `interval` that is open is null in the text that is hashed.
    """

    metric: str
    unit: Unit
    n: int
    mean: float | None
    interval: tuple[float, float] | None = None
    span: tuple[AwareDatetime, AwareDatetime] | None = None
    threshold: float | None = None
    e_value: float | None = None
    needed: float | None = None
    ledger_size: int
    facts: dict[str, JsonValue] = Field(default_factory=dict)
    ruled_out: tuple[str, ...] = ()

    @field_serializer("interval", when_used="json")
    def _closed_ends(self, ends: tuple[float, float] | None) -> list[float | None] | None:
        return ends and [end if math.isfinite(end) else None for end in ends]

    @field_validator("interval", mode="before")
    @classmethod
    def _open_ends(cls, ends: object) -> object:
        if not isinstance(ends, list | tuple) or len(ends) != 2:
            return ends
        low, high = ends
        return (-math.inf if low is None else low, math.inf if high is None else high)


class Prediction(Frozen):
    metric: str
    now: float | None
    then: float | None
    how: str


class Proposal(Frozen):
    """The immutable content; its state lives beside it, not in it.

    `assurance_needed` is what the policy asked of an answer when this was proposed.
    """

    proposal_id: str
    kind: str
    title: str
    why: str
    log: str
    proposed_by: str
    created_at: AwareDatetime
    deadline: AwareDatetime
    change: Change
    evidence: Evidence
    prediction: Prediction
    risk: Risk
    plan: Plan
    policy_digest: str
    approvals_needed: int = 1
    assurance_needed: Assurance = "declared"
    seconds_to_verdict: float | None
    prefect_yaml_patch: str | None = None

    @property
    def fingerprint(self) -> str:
        """What makes two proposals for one target the same opportunity."""
        if self.kind != "by_hand":
            return self.evidence.metric
        told = f"{self.change.before} -> {self.change.after}"
        # an entry of PostgreSQL's index holds 2,704 bytes
        return told if len(told) <= 500 else hashlib.sha256(told.encode()).hexdigest()

    @property
    def by_engine(self) -> bool:
        """A person who takes the engine's name when proposing by hand stays a person."""
        return self.proposed_by == "grace" and self.kind != "by_hand"

    def is_overdue(self, now: datetime) -> bool:
        return now > self.deadline


def content_text(proposal: Proposal) -> str:
    """The text that is hashed, stored and exported: JSON with sorted keys."""
    content = proposal.model_dump(mode="json")
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def content_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
