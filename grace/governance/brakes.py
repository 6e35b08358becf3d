"""What holds a change back although it was approved: pause, freeze, daily count, one at a time."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from grace.errors import NotAllowed
from grace.governance.decisions import is_paused
from grace.governance.enabling import enabled
from grace.governance.policy import Policy
from grace.governance.register import Entry
from grace.governance.request import about_proposal
from grace.states import State
from grace.store import Store
from grace.store.schema import LOGS, proposal_heads
from grace.values import microseconds

__all__ = ["ACTIVE", "active_on", "check_may_apply", "held"]

ACTIONS = LOGS["actions"].table
ACTIVE: frozenset[State] = frozenset({"applying", "applied", "measuring", "rolling_back"})


def check_may_apply(store: Store, entry: Entry, policy: Policy, now: datetime) -> None:
    """Raises NotAllowed while a brake is on; the proposal stays approved and is tried again."""
    if reason := held(store, entry.proposal.change.target):
        raise NotAllowed(reason)
    if (ruling := policy.rule(about_proposal(entry.proposal, "apply", now))).answer == "forbid":
        raise NotAllowed(f"the policy holds it back for now: {ruling.reason}")
    if other := active_on(store, entry.proposal.change.target, besides=entry.id):
        raise NotAllowed(f"{other} is changing or measuring the same target")
    applied = _applied_since(store, now - timedelta(days=1))
    if applied >= policy.changes_a_day:
        raise NotAllowed(f"{applied} changes were applied within a day; the policy allows no more")


def held(store: Store, target: str) -> str | None:
    """Why a person has it that a target may not be changed now, or None; undoing it always may."""
    if reason := is_paused(store):
        return reason
    if not enabled(store).allows(target):
        return f"{target} is not enabled: this installation is watched, and only what is may be set"
    return None


def active_on(store: Store, target: str, besides: str = "") -> str | None:
    """The proposal that is being applied, measured or undone on a target, if there is one."""
    query = sa.select(proposal_heads.c.proposal_id).where(
        proposal_heads.c.target == target,
        proposal_heads.c.state.in_(ACTIVE),
        proposal_heads.c.proposal_id != besides,
    )
    with store.reading() as connection:
        found: str | None = connection.execute(query).scalars().first()
    return found


def _applied_since(store: Store, since: datetime) -> int:
    started = sa.type_coerce(ACTIONS.c.started_at, sa.BigInteger)
    query = sa.select(sa.func.count(sa.distinct(ACTIONS.c.proposal_id))).where(
        ACTIONS.c.purpose == "apply", started >= microseconds(since)
    )
    with store.reading() as connection:
        count: int = connection.execute(query).scalar_one()
    return count
