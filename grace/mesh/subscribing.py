"""Subscribers: from an index on, or by a name whose place is kept in the log's database."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from grace.mesh.event import Event
from grace.mesh.reading import read_events
from grace.settings import Settings
from grace.store import Store, open_store

__all__ = ["deliver", "subscribe"]

POLL_SECONDS = 0.5

Handler = Callable[[Event], None]


def subscribe(
    pattern: str = "*",
    *,
    after: int = -1,
    follow: bool = False,
    store: Store | None = None,
    wait: Callable[[float], object] = time.sleep,
) -> Iterator[Event]:
    """The events that match, in the order of the ledger, from behind the index `after` on.

    It ends with what there is now, or with `follow` waits for more. The last index that a
    subscriber has dealt with is all it has to keep: the same `after` gives the same events again.
    Without `store` the log is that of `GRACE_*`.
    """
    log = store or open_store(Settings().url, create=False)
    while True:
        for event in read_events(log, pattern, after=after):
            yield event
            after = event.index
        if not follow:
            return
        wait(POLL_SECONDS)


def deliver(
    store: Store,
    name: str,
    pattern: str,
    handler: Handler,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    most: int | None = None,
) -> int:
    """Hand every event that the subscriber of this name has not dealt with to its handler.

    Each at least once, in the order of the ledger: the place moves on when the handler has
    returned, so an event at which it raised, or died, comes again, and none behind it before. How
    many were dealt with.
    """
    reader = f"mesh:{name}"
    place = store.cursor(reader)
    after = place if isinstance(place, int) else -1
    done = 0
    for event in read_events(store, pattern, after=after, most=most):
        handler(event)
        with store.writing(clock()) as writer:
            writer.set_cursor(reader, event.index)
        done += 1
    return done
