"""Events from the log, in the order of the ledger: replay and live are the same reading."""

import json
from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from grace.mesh.event import Event, matches
from grace.store import Store
from grace.store.schema import LOGS, outbox

__all__ = ["last_index", "missed", "read_events"]

ROWS_AT_ONCE = 500
EVENTS = LOGS["trigger_mesh_logs"].table
COLUMNS = ("event_id", "event_type", "resource", "actor", "payload", "timestamp")


def read_events(
    store: Store, pattern: str = "*", *, after: int = -1, most: int | None = None
) -> Iterator[Event]:
    """The events behind the ledger index `after` that match, oldest first; at most so many."""
    given = 0
    while page := _page(store, after):
        for event in page:
            if matches(pattern, event.type):
                yield event
                given += 1
                if given == most:
                    return
        after = page[-1].index


def last_index(store: Store) -> int:
    """The ledger index of the newest event; -1 where there is none."""
    with store.reading() as connection:
        found = connection.execute(sa.select(sa.func.max(outbox.c.ledger_index))).scalar_one()
    return -1 if found is None else int(found)


def missed(
    store: Store, pattern: str, seen: Iterable[int], *, after: int = -1, until: int | None = None
) -> list[int]:
    """The ledger indices of matching events behind `after`, up to `until`, that were not seen."""
    known = set(seen)
    end = last_index(store) if until is None else until
    events = read_events(store, pattern, after=after)
    indices = (event.index for event in events if event.index <= end)
    return [index for index in indices if index not in known]


def _page(store: Store, after: int) -> list[Event]:
    before = sa.select(sa.func.max(outbox.c.ledger_index)).where(outbox.c.ledger_index <= after)
    query = (
        sa.select(outbox.c.ledger_index, *(EVENTS.c[name] for name in COLUMNS))
        .join(EVENTS, EVENTS.c.ledger_index == outbox.c.ledger_index)
        .where(outbox.c.ledger_index > after)
        .order_by(outbox.c.ledger_index)
        .limit(ROWS_AT_ONCE)
    )
    with store.reading() as connection:
        previous = connection.execute(before).scalar_one()
        rows = connection.execute(query).all()
    events = []
    for index, id_, event_type, resource, actor, payload, occurred in rows:
        said = json.loads(payload) if payload else None
        events.append(Event(index, previous, id_, event_type, resource, actor, said, occurred))
        previous = index
    return events
