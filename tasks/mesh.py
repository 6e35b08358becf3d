"""Publishing the mesh as Prefect events, to which automations and deployment triggers react.

Prefect takes events into a queue in memory and can lose them there. So an event counts as published
only when Prefect's own storage has it; what is not there after a while is sent again, under the id
that it has. A reader of Prefect's events may see one twice, and never miss one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from grace.errors import GraceError
from grace.mesh import Event, read_events
from grace.store import Store
from grace.store.schema import outbox

__all__ = ["READER", "Publisher", "as_prefect_event", "keep_publishing", "unpublished"]

READER = "prefect-events"
AT_ONCE = 50  # the most that Prefect's storage is asked for at once
# Prefect stores what it has taken every five seconds
PATIENCE = timedelta(seconds=15)
# what happened before the mesh was first published is there to be replayed, not to trigger anything
FRESH = timedelta(hours=1)
SECOND = timedelta(seconds=1)
TIMEOUT_SECONDS = 30
POLL_SECONDS = 0.5

Clock = Callable[[], datetime]


def as_prefect_event(event: Event, log: str) -> dict[str, Any]:
    """As Prefect takes it: `grace.` and the type as its name; index and previous in the payload."""
    kind, _, key = event.resource.partition("/")
    resource = {
        "prefect.resource.id": f"grace.{kind}.{key}" if key else f"grace.{kind}",
        "prefect.resource.name": event.resource,
        "grace.log": log,
    }
    told = {"index": event.index, "previous": event.previous, "actor": event.actor}
    return {
        "id": event.id,
        "event": f"grace.{event.type}",
        "occurred": event.occurred.isoformat(),
        "resource": resource,
        "related": [],
        "payload": told | {"resource": event.resource, "payload": event.payload},
    }


@dataclass
class _Sent:
    events: Sequence[Event]
    at: datetime


@dataclass
class Publisher:
    """Sends what is new, and asks a little later whether it arrived; one for each log.

    `client` has Prefect's API as its base address.
    """

    store: Store
    client: httpx.Client
    log: str
    sent: int = field(init=False)
    waiting: list[_Sent] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        place = self.store.cursor(READER)
        self.sent = place if isinstance(place, int) else -1
        self.is_new = place is None

    def turn(self, now: datetime) -> int:
        """One round; how many events were confirmed. httpx.HTTPError where Prefect is away."""
        if self.is_new:
            self._begin(now)
        self._send_new(now)
        return self._confirm(now)

    def _begin(self, now: datetime) -> None:
        """From the first event that is still fresh."""
        old = [e.index for e in read_events(self.store) if e.occurred < now - FRESH]
        self.sent = old[-1] if old else -1
        self._keep(self.sent, now)
        self.is_new = False

    def _send_new(self, now: datetime) -> None:
        while events := list(read_events(self.store, after=self.sent, most=AT_ONCE)):
            self._post(events)
            self.waiting.append(_Sent(events, now))
            self.sent = events[-1].index

    def _post(self, events: Sequence[Event]) -> None:
        body = [as_prefect_event(event, self.log) for event in events]
        self.client.post("/events", json=body).raise_for_status()

    def _confirm(self, now: datetime) -> int:
        """In their order: the place moves on only over what Prefect has."""
        done = 0
        while self.waiting:
            first = self.waiting[0]
            missing = self._missing(first.events)
            if missing:
                if now - first.at >= PATIENCE:
                    self._post(missing)
                    first.at = now
                break
            self._keep(first.events[-1].index, now)
            self.waiting.pop(0)
            done += len(first.events)
        return done

    def _missing(self, events: Sequence[Event]) -> list[Event]:
        wanted = {
            "filter": {
                "id": {"id": [event.id for event in events]},
                "occurred": {
                    "since": (min(each.occurred for each in events) - SECOND).isoformat(),
                    "until": (max(each.occurred for each in events) + SECOND).isoformat(),
                },
            },
            "limit": AT_ONCE,
        }
        found = self.client.post("/events/filter", json=wanted).raise_for_status().json()
        there = {each["id"] for each in found["events"]}
        return [event for event in events if event.id not in there]

    def _keep(self, index: int, now: datetime) -> None:
        with self.store.writing(now) as writer:
            told = outbox.c.ledger_index <= index, outbox.c.published_at.is_(None)
            writer.connection.execute(outbox.update().where(*told).values(published_at=now))
            writer.set_cursor(READER, index)


def unpublished(store: Store) -> list[Event]:
    """The events that Prefect was not seen to have; all where nothing was published yet."""
    place = store.cursor(READER)
    return list(read_events(store, after=place if isinstance(place, int) else -1))


def keep_publishing(
    store: Store,
    api_url: str,
    log: str,
    *,
    clock: Clock,
    wait: Callable[[float], bool],
    tell: Callable[[str], None],
) -> None:
    """Publish until `wait` says that it is enough; Prefect or a log that is away is waited for."""
    told: str | None = None
    with httpx.Client(base_url=api_url, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        publisher: Publisher | None = None
        while True:
            problem = ""
            try:
                publisher = publisher or Publisher(store, client, log)
                publisher.turn(clock())
            except httpx.HTTPError as away:
                problem = f"Prefect does not take events ({away}); they wait in the log"
            except (GraceError, sa.exc.DBAPIError) as broken:
                problem = f"the log cannot be read or written now: {broken}; trying again"
                publisher = None  # begins anew where the log says that it was
            if problem and problem != told:
                tell(problem)
            told = problem
            if wait(5 * POLL_SECONDS if problem else POLL_SECONDS):
                return
