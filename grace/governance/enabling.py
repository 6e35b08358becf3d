"""What Grace may change on an installation that is not its own: nothing, until a person enables it.

It stands in the log as decisions, so that it cannot be changed without a trace. A log about which
nothing was decided is that of Grace's own installation: there the policy alone rules.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from grace.errors import BadInput
from grace.governance.decisions import Decision, record_decision
from grace.store import Store
from grace.store.schema import LOGS

__all__ = ["Enabled", "enabled", "observe_only", "set_enabled"]

DECISIONS = LOGS["decisions"].table
OBSERVE_ONLY = "observe only"
FIRST = "connect"


@dataclass(frozen=True)
class Enabled:
    """`targets` is None where everything is; one ending with `*` stands for all that begin so."""

    targets: tuple[str, ...] | None

    def allows(self, target: str) -> bool:
        if self.targets is None:
            return True
        return any(_covers(each, target) for each in self.targets)


def enabled(store: Store) -> Enabled:
    """By the log, the newest word on each target."""
    query = (
        sa.select(DECISIONS.c.answer, DECISIONS.c.detail)
        .where(DECISIONS.c.question == "enable")
        .order_by(DECISIONS.c.ledger_index)
    )
    with store.reading() as connection:
        return _sum_up((row.answer, _target(row.detail)) for row in connection.execute(query))


def observe_only(store: Store, now: datetime, installation: str) -> None:
    """From now on nothing may be changed but what is enabled; the second time adds nothing.

    Raises BadInput where the log is of another installation: two in one would be one to all that
    read it.
    """
    query = sa.select(DECISIONS.c.detail).where(DECISIONS.c.decision_id == FIRST)
    with store.reading() as connection:
        known = connection.execute(query).scalar_one_or_none()
    if known is not None and json.loads(known)["installation"] != installation:
        raise BadInput(f"this log is of {json.loads(known)['installation']}: choose another --name")
    decision = Decision(
        question="enable",
        answer=OBSERVE_ONLY,
        reason=f"{installation} is watched, and nothing on it is changed",
        decision_id=FIRST,
        detail={"installation": installation},
    )
    with store.writing(now) as writer:
        record_decision(writer, decision)


def set_enabled(
    store: Store,
    targets: Sequence[str],
    answer: Literal["enable", "disable"],
    now: datetime,
    *,
    reviewer: str,
    reason: str,
) -> Enabled:
    """One decision a target, all or none; what comes of it.

    Raises BadInput for what is no target, and in a log where everything is enabled anyway.
    """
    before = enabled(store)
    if before.targets is None:
        raise BadInput("this log is of Grace's own installation: its policy says what may be done")
    for target in targets:
        _check(target, answer, before.targets)
    with store.writing(now) as writer:
        for target in targets:
            decision = Decision(
                question="enable",
                answer=answer,
                reason=reason,
                reviewer=reviewer,
                assurance="declared",
                detail={"target": target},
            )
            record_decision(writer, decision)
    return enabled(store)


def _check(target: str, answer: str, before: Sequence[str]) -> None:
    kind, _, name = target.partition(":")
    if not kind or not name or "*" in target[:-1]:
        raise BadInput(f"{target!r} is no target; write KIND:NAME, as tag:etl, or tag:* for all")
    if answer == "disable" and target not in before:
        listed = ", ".join(before) or "nothing"
        raise BadInput(f"{target} is not on the list; enabled: {listed}")


def _sum_up(decided: Iterable[tuple[str, str | None]]) -> Enabled:
    targets: dict[str, None] | None = None
    for answer, target in decided:
        targets = {} if targets is None else targets
        if answer == "enable" and target:
            targets[target] = None
        elif answer == "disable" and target:
            targets.pop(target, None)
    return Enabled(None if targets is None else tuple(targets))


def _covers(listed: str, target: str) -> bool:
    return target.startswith(listed[:-1]) if listed.endswith("*") else target == listed


def _target(detail: object) -> str | None:
    told = json.loads(detail) if isinstance(detail, str) else detail
    return str(told["target"]) if isinstance(told, dict) and "target" in told else None
