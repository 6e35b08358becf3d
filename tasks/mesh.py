"""Publishing the mesh as Prefect events, to which automations and deployment triggers react.

Prefect takes events into a queue in memory and can lose them there. So an event counts as published
only when Prefect's own storage has it; what is not there after a while is sent again, under the id
that it has. A reader of Prefect's events may see one twice, and never miss one.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from grace.errors import GraceError
from grace.mesh import Event, last_index, read_events
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
# by itself Prefect drops an event of more than 1,500,000 bytes, and says so only in its own log
MOST_BYTES = 1_000_000
LONGEST_NAME = 1024  # beyond it Prefect refuses all the events that are sent together
ZERO = "\0"  # no text in PostgreSQL can have it, where Prefect may keep its events

Clock = Callable[[], datetime]


def as_prefect_event(event: Event, log: str) -> dict[str, Any]:
    """As Prefect takes it: `grace.` and the type as its name; index and previous in the payload.

    An own payload that Prefect cannot take is left out, which `payload_left_out` says: it is in the
    log, at that index.
    """
    name = _without_zero(event.resource)
    kind, _, key = name.partition("/")
    resource = {
        "prefect.resource.id": f"grace.{kind}.{key}" if key else f"grace.{kind}",
        "prefect.resource.name": name,
        "grace.log": log,
    }
    told: dict[str, Any] = {"index": event.index, "previous": event.previous}
    told |= {"actor": _without_zero(event.actor), "resource": name, "payload": event.payload}
    if not _is_taken(event.payload):
        told |= {"payload": None, "payload_left_out": True}
    return {
        "id": event.id,
        "event": _without_zero(f"grace.{event.type}")[:LONGEST_NAME],
        "occurred": event.occurred.isoformat(),
        "resource": resource,
        "related": [],
        "payload": told,
    }


def _without_zero(text: str) -> str:
    return text.replace(ZERO, "\N{REPLACEMENT CHARACTER}")


def _is_taken(payload: Any) -> bool:
    """Whether it is of a size, and of characters and numbers, that Prefect can keep."""
    try:
        written = json.dumps(payload, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:  # NaN, or half of a pair of UTF-16
        return False
    return len(written) <= MOST_BYTES and rb"\u0000" not in written


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
    place: int | None = field(init=False)  # None where nothing was published yet
    waiting: list[_Sent] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._go_to_place()

    def turn(self, now: datetime) -> int:
        """One round; how many events were confirmed. httpx.HTTPError where Prefect is away."""
        if self._is_other_log():
            self._go_to_place()
        if self.place is None:
            self._begin(now)
        self._send_new(now)
        return self._confirm(now)

    def _go_to_place(self) -> None:
        """Begin where the log says that it was published up to, though never behind its end."""
        place = self.store.cursor(READER)
        self.place = place if isinstance(place, int) else None
        self.sent = -1 if self.place is None else min(self.place, last_index(self.store))
        self.waiting = []

    def _is_other_log(self) -> bool:
        """Whether an older copy of the log was put in its place, or somebody else published it."""
        return self.store.cursor(READER) != self.place or last_index(self.store) < self.sent

    def _begin(self, now: datetime) -> None:
        """From the first event that is still fresh, by the clock it was written by."""
        old = -1
        for event in read_events(self.store):
            if event.occurred >= now - FRESH:
                break
            old = event.index
        self.sent = old
        self._keep(old, now)

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
        self.place = index


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
    credential: str | None = None,
) -> None:
    """Publish until `wait` says that it is enough; Prefect or a log that is away is waited for.

    `credential` is `NAME:SECRET`, for a server where people sign in.
    """
    told: str | None = None
    name, _, secret = (credential or "").partition(":")
    with httpx.Client(
        base_url=api_url,
        auth=(name, secret) if credential else None,
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
    ) as client:
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
