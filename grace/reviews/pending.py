"""Which goals went off their track without a review.

A review is an event itself, so that one is made however often the first event is delivered.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from grace.errors import BadInput
from grace.goals.evaluations import last_told
from grace.goals.goal import Goal, list_goals
from grace.mesh import Event, read_events
from grace.store import Store, Writer
from grace.store.schema import LOGS, outbox

__all__ = ["OFF_TRACK", "REVIEWED", "is_reviewed", "off_track_event", "record_review", "unreviewed"]

OFF_TRACK, REVIEWED = "goal.off_track", "goal.reviewed"
EVENTS = LOGS["trigger_mesh_logs"].table


def off_track_event(store: Store, index: int) -> Event:
    """The event at that place of the ledger. Raises BadInput where it is another, or none."""
    found = list(read_events(store, OFF_TRACK, after=index - 1, most=1))
    if not found or found[0].index != index:
        raise BadInput(f"there is no event {OFF_TRACK} at index {index}; see `grace mesh listen`")
    return found[0]


def unreviewed(store: Store, now: datetime, patience: timedelta) -> list[int]:
    """The ledger indices of events that are older than `patience`, about goals that are open and
    still off their track, and that no review names."""
    told = last_told(store)
    off = [
        goal
        for goal in list_goals(store)
        if goal.is_open
        and (last := told.get(goal.goal_id)) is not None
        and last.status == "off_track"
    ]
    newest = _newest(store, OFF_TRACK, off)
    done = _newest(store, REVIEWED, off)
    return sorted(
        index
        for goal_id, (index, occurred) in newest.items()
        if occurred < now - patience and done.get(goal_id, (-1, occurred))[0] < index
    )


def is_reviewed(store: Store, event: Event) -> bool:
    with store.reading() as connection:
        return _any_review(connection, event)


def record_review(writer: Writer, event: Event, told: dict[str, object]) -> bool:
    """Whether this is the review of the event; False where there was one already."""
    if _any_review(writer.connection, event):
        return False
    writer.event(REVIEWED, event.resource, {"off_track": event.index} | told)
    return True


def _any_review(connection: sa.Connection, event: Event) -> bool:
    """A review looks at the present: one that came later covers the event, whichever it names."""
    query = sa.select(EVENTS.c.id).where(
        EVENTS.c.event_type == REVIEWED,
        EVENTS.c.resource == event.resource,
        EVENTS.c.ledger_index > event.index,
    )
    return connection.execute(query.limit(1)).first() is not None


def _newest(
    store: Store, event_type: str, goals: Iterable[Goal]
) -> dict[str, tuple[int, datetime]]:
    """Ledger index and time of the newest event of that type about each of the goals."""
    resources = {f"goal/{goal.goal_id}": goal.goal_id for goal in goals}
    query = (
        sa.select(EVENTS.c.resource, EVENTS.c.ledger_index, EVENTS.c.timestamp)
        .join(outbox, outbox.c.ledger_index == EVENTS.c.ledger_index)
        .where(EVENTS.c.event_type == event_type, EVENTS.c.resource.in_(resources))
        .order_by(EVENTS.c.ledger_index)
    )
    with store.reading() as connection:
        rows = connection.execute(query).all()
    return {resources[resource]: (index, occurred) for resource, index, occurred in rows}
