"""What governance is asked: whether who may do what, and all that a rule can go by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from grace.governance.change import Change
from grace.governance.proposal import Proposal
from grace.governance.risk import Risk

__all__ = [
    "Action",
    "Deed",
    "Request",
    "about_change",
    "about_decision",
    "about_goal",
    "about_proposal",
]

Action = Literal["change", "apply", "inverse", "create_goal", "close_goal", "decide"]
ChangeAction = Literal["change", "apply", "inverse"]
GoalAction = Literal["create_goal", "close_goal"]
Who = Literal["Engine", "Person", "System"]


@dataclass(frozen=True)
class Deed:
    """A change as a rule sees it; `kind` is that of the opportunity."""

    change: Change
    kind: str
    risk: Risk


@dataclass(frozen=True)
class Request:
    """`truths` are what only this action has beside a deed, as they stand in a rule's context."""

    action: Action
    target: str
    who: Who
    name: str
    at: datetime
    deed: Deed | None = None
    truths: Mapping[str, bool] = field(default_factory=dict)


def about_proposal(
    proposal: Proposal, action: ChangeAction, at: datetime, *, approved_by_person: bool = False
) -> Request:
    """The same facts whenever it is asked; of an inverse also whether a person approved."""
    return about_change(
        proposal.change.inverse if action == "inverse" else proposal.change,
        action,
        at,
        kind=proposal.kind,
        risk=proposal.risk,
        person=None if proposal.by_engine else proposal.proposed_by,
        approved_by_person=approved_by_person,
    )


def about_change(
    change: Change,
    action: ChangeAction,
    at: datetime,
    *,
    kind: str,
    risk: Risk,
    person: str | None = None,
    approved_by_person: bool = False,
) -> Request:
    """`person` is who proposed it by hand, None the engine."""
    who, name = _asker(person)
    truths = {"approved_by_person": approved_by_person} if action == "inverse" else {}
    return Request(action, change.target, who, name, at, Deed(change, kind, risk), truths)


def about_goal(
    action: GoalAction, metric: str, at: datetime, *, autonomous: bool, person: str | None = None
) -> Request:
    """`person` is who asks, None the engine; `autonomous` tells the engine's own goals."""
    who, name = _asker(person)
    return Request(action, f"goal:{metric}", who, name, at, truths={"autonomous": autonomous})


def about_decision(decision_type: str, system: str, at: datetime) -> Request:
    """A decision of the governed system, which asks in its own name."""
    return Request("decide", f"decision:{decision_type}", "System", system, at)


def _asker(person: str | None) -> tuple[Who, str]:
    return ("Engine", "grace") if person is None else ("Person", person)
