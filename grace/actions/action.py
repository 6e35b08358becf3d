"""One deed on one target: written down before it is done, and again when it is.

A lever sets, so doing a deed twice is doing it once. After a crash the row says *started*, and the
same action is carried out again under the same id.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from pydantic import JsonValue

from grace.errors import CheckFailed, GraceError
from grace.governance.change import Change
from grace.levers import Lever
from grace.store import Store, Writer
from grace.store.schema import LOGS

__all__ = [
    "Action",
    "Clock",
    "Done",
    "Purpose",
    "carry_out",
    "done_actions",
    "last_action_on",
    "pending_action",
]

ACTIONS = LOGS["actions"].table

Clock = Callable[[], datetime]
Purpose = Literal["apply", "block", "arms", "keep", "undo"]


@dataclass(frozen=True)
class Action:
    """`name` tells it from the proposal's other actions, as in *apply* or *block-3*."""

    proposal_id: str
    name: str
    purpose: Purpose
    change: Change
    run_id: str | None = None

    @property
    def id(self) -> str:
        return f"{self.proposal_id}:{self.name}"


@dataclass(frozen=True)
class Done:
    """An action that took effect; `value` is what the target was set to."""

    action_id: str
    purpose: Purpose
    target: str
    value: JsonValue
    started_at: datetime
    finished_at: datetime

    @property
    def name(self) -> str:
        return self.action_id.rpartition(":")[2]


def carry_out(
    store: Store,
    lever: Lever,
    action: Action,
    clock: Clock,
    *,
    with_start: Callable[[Writer], object] = lambda _: None,
) -> None:
    """Set the target, unless it is so already, and see that it took.

    What was done already, before a process was killed that had more to say, is not recorded again.

    `with_start` commits together with the row that says *started*.

    Raises GraceError where the lever refuses or the target did not take the value; the row then
    says *failed* and why.
    """
    if _was_done(store, action) and lever.read(action.change.target) == action.change.after:
        return
    started = clock()
    with store.writing(started) as writer:
        _record(writer, action, "started", started)
        with_start(writer)
    try:
        if lever.read(action.change.target) != action.change.after:
            lever.apply(action.change.target, action.change.after)
        observed = lever.read(action.change.target)
        if observed != action.change.after:
            raise CheckFailed(f"{action.change.target} was set but reads {observed!r}")
    except GraceError as problem:
        with store.writing(clock()) as writer:
            _record(writer, action, "failed", started, error=str(problem))
        raise
    with store.writing(clock()) as writer:
        _record(writer, action, "done", started, observed=observed)


def done_actions(store: Store, proposal_id: str) -> list[Done]:
    """A proposal's actions that took effect, in the order in which they did."""
    return _done(store, ACTIONS.c.proposal_id == proposal_id)


def pending_action(store: Store, proposal_id: str) -> str | None:
    """The name of the action that was begun and neither done nor failed, if there is one."""
    query = (
        sa.select(ACTIONS.c.action_id, ACTIONS.c.status)
        .where(ACTIONS.c.proposal_id == proposal_id)
        .order_by(ACTIONS.c.ledger_index.desc())
        .limit(1)
    )
    with store.reading() as connection:
        newest = connection.execute(query).first()
    if newest is None or newest.status != "started":
        return None
    return str(newest.action_id).rpartition(":")[2]


def last_action_on(store: Store, target: str) -> Done | None:
    return next(iter(reversed(_done(store, ACTIONS.c.target == target))), None)


def _was_done(store: Store, action: Action) -> bool:
    return any(done.action_id == action.id for done in done_actions(store, action.proposal_id))


def _done(store: Store, which: sa.ColumnElement[bool]) -> list[Done]:
    query = sa.select(ACTIONS).where(ACTIONS.c.status == "done", which)
    with store.reading() as connection:
        rows = connection.execute(query.order_by(ACTIONS.c.ledger_index)).all()
    changes = [Change.model_validate_json(row.change) for row in rows]
    return [
        Done(row.action_id, row.purpose, row.target, change.after, row.started_at, row.finished_at)
        for row, change in zip(rows, changes, strict=True)
    ]


def _record(
    writer: Writer,
    action: Action,
    status: Literal["started", "done", "failed"],
    started: datetime,
    *,
    observed: JsonValue = None,
    error: str | None = None,
) -> None:
    row = {
        "action_id": action.id,
        "proposal_id": action.proposal_id,
        "purpose": action.purpose,
        "lever": action.change.lever,
        "target": action.change.target,
        "change": action.change.model_dump(mode="json"),
        "observed": observed,
        "status": status,
        "error": error,
        "run_id": action.run_id,
        "started_at": started,
        "finished_at": None if status == "started" else writer.now,
    }
    writer.append("actions", [row])
