"""The log's events become Prefect's: in order, at least once, and none lost on the way."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

from grace import mesh
from grace.settings import Settings
from grace.store import Store
from tasks.mesh import READER, Publisher, as_prefect_event, unpublished
from tests.mesh.test_mesh import tell
from tests.running import until


@pytest.fixture
def client(prefect_server: str) -> Iterator[httpx.Client]:
    """SQLite may be busy for a minute."""
    with httpx.Client(base_url=prefect_server, timeout=90, trust_env=False) as opened:
        yield opened


def in_prefect(client: httpx.Client, store: Store) -> list[dict]:
    """Those of this log that Prefect's storage has, by their ids."""
    ids = [event.id for event in mesh.subscribe(store=store)]
    found = []
    for start in range(0, len(ids), 50):
        # by itself Prefect shows none that lie ahead, as the tests' clocks do
        occurred = {"since": "2026-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
        wanted = {"id": {"id": ids[start : start + 50]}, "occurred": occurred}
        body = {"filter": wanted, "limit": 50}
        while (answer := client.post("/events/filter", json=body)).status_code == 503:
            time.sleep(0.2)
        found += answer.raise_for_status().json()["events"]
    return found


def turn_until(publisher: Publisher, done: int, seconds: float = 240) -> None:
    """As the service does: a Prefect that is busy is asked again."""
    deadline = time.monotonic() + seconds
    confirmed = 0
    while confirmed < done:
        assert time.monotonic() < deadline, f"{confirmed} of {done} arrived"
        with suppress(httpx.HTTPError):
            confirmed += publisher.turn(datetime.now(UTC))


def test_what_is_logged_is_an_event_in_prefect(store: Store, client: httpx.Client) -> None:
    """Its name, its resource, its place in the ledger and what it tells; then nothing waits."""
    tell(store, "goal.created", "goal.off_track", at=datetime.now(UTC))
    turn_until(Publisher(store, client, "main"), 2)
    events = sorted(in_prefect(client, store), key=lambda each: each["payload"]["index"])
    assert [event["event"] for event in events] == ["grace.goal.created", "grace.goal.off_track"]
    assert events[1]["resource"] == {
        "prefect.resource.id": "grace.goal.g-1",
        "prefect.resource.name": "goal/g-1",
        "grace.log": "main",
    }
    assert events[1]["payload"] == {
        "index": 3,
        "previous": 1,
        "actor": "grace",
        "resource": "goal/g-1",
        "payload": {"number": 1},
    }
    assert unpublished(store) == []


async def seconds_to_hear(store: Store, times: int) -> list[float]:
    """From each commit until a subscriber of Prefect's events has it."""
    took = []
    wanted = EventFilter(event=EventNameFilter(name=["grace.goal.met"]))
    async with get_events_subscriber(filter=wanted) as subscriber:
        for _ in range(times):
            tell(store, "goal.met", at=datetime.now(UTC))
            begin = time.monotonic()
            await anext(aiter(subscriber))
            took.append(time.monotonic() - begin)
    return took


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_api")
def test_it_takes_less_than_two_seconds(
    store: Store, settings: Settings, prefect_server: str
) -> None:
    """From the commit until it is heard of in Prefect, by the service: the median of nine."""
    process = publishing(settings, prefect_server)
    try:
        took = asyncio.run(seconds_to_hear(store, 10))[1:]
    finally:
        ended(process, signal.SIGTERM)
    print("seconds:", sorted(took))
    assert sorted(took)[4] < 2


class Forgetful(httpx.BaseTransport):
    """A Prefect that takes events and loses the first so many."""

    def __init__(self, lost: int) -> None:
        self.lost, self.kept, self.posted = lost, {}, []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path.endswith("/filter"):
            wanted = body["filter"]["id"]["id"]
            found = [self.kept[each] for each in wanted if each in self.kept]
            return httpx.Response(200, json={"events": found})
        for event in body:
            self.posted.append(event["payload"]["index"])
            if self.lost:
                self.lost -= 1
            else:
                self.kept[event["id"]] = event
        return httpx.Response(204)


def test_what_prefect_lost_is_sent_again(store: Store) -> None:
    """Taken is not stored: the place moves on only over what Prefect shows again."""
    now = datetime.now(UTC)
    tell(store, *["goal.evaluated"] * 4, at=now)
    forgetful = Forgetful(lost=2)
    with httpx.Client(base_url="http://prefect/api", transport=forgetful) as client:
        publisher = Publisher(store, client, "main")
        assert publisher.turn(now) == 0
        assert store.cursor(READER) == -1
        assert publisher.turn(now + timedelta(seconds=10)) == 0, "not before it had time"
        publisher.turn(now + timedelta(seconds=15))
        assert publisher.turn(now + timedelta(seconds=16)) == 4
    assert forgetful.posted == [1, 3, 5, 7, 1, 3]
    assert len(forgetful.kept) == 4
    assert store.cursor(READER) == 7


def test_a_publisher_that_died_sends_again_what_was_not_confirmed(store: Store) -> None:
    """At least once: the next one begins behind what Prefect was seen to have."""
    now = datetime.now(UTC)
    tell(store, *["goal.evaluated"] * 3, at=now)
    forgetful = Forgetful(lost=3)
    with httpx.Client(base_url="http://prefect/api", transport=forgetful) as client:
        Publisher(store, client, "main").turn(now)
        second = Publisher(store, client, "main")
        assert second.turn(now) == 3
    assert forgetful.posted == [1, 3, 5] * 2


def test_what_is_old_when_publishing_begins_triggers_nothing(store: Store) -> None:
    """It is there to be replayed from the log; what is an hour fresh is published."""
    now = datetime.now(UTC)
    tell(store, "goal.created", at=now - timedelta(days=2))
    tell(store, "goal.met", at=now)
    kept = Forgetful(lost=0)
    with httpx.Client(base_url="http://prefect/api", transport=kept) as client:
        Publisher(store, client, "main").turn(now)
    assert kept.posted == [3]


def test_a_resource_without_a_key_is_named_too(store: Store) -> None:
    """Events about the installation as a whole."""
    tell(store, "pause.set", resource="installation")
    (event,) = mesh.subscribe(store=store)
    assert (
        as_prefect_event(event, "main")["resource"]["prefect.resource.id"] == "grace.installation"
    )


def test_what_prefect_cannot_hold_does_not_stop_the_rest(
    store: Store, client: httpx.Client
) -> None:
    """Too long a payload or name, and characters of no database: told all the same, or a part."""
    now = datetime.now(UTC)
    with store.writing(now) as writer:
        writer.event("goal.created", "goal/long", {"text": "x" * 1_600_000})
        writer.event("goal." + "x" * 2000, "goal/name", {})
        writer.event("goal.met", "goal/zero\0 \u202e/\n", {"text": "\0"})
        writer.event("goal.met", "goal/number", {"mean": float("nan")})
        writer.event("goal.met", "goal/plain", {"number": 1})
    turn_until(Publisher(store, client, "main"), 5)
    payloads = {each["payload"]["index"]: each["payload"] for each in in_prefect(client, store)}
    assert [payloads[index].get("payload_left_out", False) for index in range(5)] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert payloads[4]["payload"] == {"number": 1}
    assert unpublished(store) == []


def test_half_a_character_is_left_out(store: Store) -> None:
    """JSON can spell half of a pair of UTF-16; no request can."""
    tell(store, "goal.met")
    (event,) = mesh.subscribe(store=store)
    told = as_prefect_event(replace(event, payload={"text": "\ud83d"}), "main")["payload"]
    assert (told["payload"], told["payload_left_out"]) == (None, True)


def test_a_clock_that_jumped_back_loses_nothing(store: Store) -> None:
    """What is fresh is published, also where something behind it says that it is older."""
    now = datetime.now(UTC)
    tell(store, "goal.created", at=now - timedelta(days=2))
    tell(store, "goal.met", at=now)
    tell(store, "goal.off_track", at=now - timedelta(hours=3))
    tell(store, "goal.met", at=now)
    kept = Forgetful(lost=0)
    with httpx.Client(base_url="http://prefect/api", transport=kept) as client:
        Publisher(store, client, "main").turn(now)
    assert kept.posted == [3, 5, 7]


def test_an_older_copy_of_the_log_is_published_on(store: Store) -> None:
    """Put back under a publisher that is ahead of it: what is new in it is new, index for index."""
    now = datetime.now(UTC)
    tell(store, "goal.created", at=now)
    kept = Forgetful(lost=0)
    with httpx.Client(base_url="http://prefect/api", transport=kept) as client:
        publisher = Publisher(store, client, "main")
        publisher.turn(now)
        copied = sqlite3.connect(":memory:")
        with store.engine.connect() as connection:
            connection.connection.driver_connection.backup(copied)
        tell(store, *["goal.met"] * 5, at=now)
        publisher.turn(now)
        with store.engine.connect() as connection:
            copied.backup(connection.connection.driver_connection)
        tell(store, "goal.off_track", at=now)
        publisher.turn(now)
    assert kept.posted == [1, 3, 5, 7, 9, 11, 3]
    assert unpublished(store) == []


def test_a_place_behind_the_end_of_the_log_holds_nothing_up(store: Store) -> None:
    """A place that was kept when the log was longer."""
    now = datetime.now(UTC)
    tell(store, "goal.created", at=now)
    with store.writing(now) as writer:
        writer.set_cursor(READER, 500)
    kept = Forgetful(lost=0)
    with httpx.Client(base_url="http://prefect/api", transport=kept) as client:
        publisher = Publisher(store, client, "main")
        tell(store, "goal.met", at=now)
        assert publisher.turn(now) == 1
    assert (kept.posted, store.cursor(READER)) == ([3], 3)


def test_two_publishers_end_with_everything_published(store: Store) -> None:
    """By mistake: twice perhaps, and the place of neither stays behind."""
    now = datetime.now(UTC)
    tell(store, "goal.created", at=now)
    kept = Forgetful(lost=0)
    with httpx.Client(base_url="http://prefect/api", transport=kept) as client:
        publishers = [Publisher(store, client, "main") for _ in range(2)]
        for number in range(5):
            tell(store, "goal.met", at=now)
            publishers[number % 2].turn(now)
    assert mesh.missed(store, "*", kept.posted) == []
    assert unpublished(store) == []
    assert len(kept.posted) == 6, "what the other one has confirmed is not sent again"


def publishing(settings: Settings, api: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "grace.cli", "mesh", "publish", "--to", api]
    environment = {**os.environ, "GRACE_DATA_DIR": str(settings.data_dir)}
    return subprocess.Popen(command, env=environment)


def ended(process: subprocess.Popen, number: int) -> int:
    process.send_signal(number)
    return process.wait(timeout=30)


def test_the_service_publishes_until_it_is_told_to_end(
    store: Store, settings: Settings, client: httpx.Client, prefect_server: str
) -> None:
    """The process that `grace up` starts: also when it was killed in between."""
    tell(store, *["goal.evaluated"] * 20, at=datetime.now(UTC))
    first = publishing(settings, prefect_server)
    until(lambda: store.cursor(READER) is not None)
    assert ended(first, signal.SIGKILL) == -signal.SIGKILL
    tell(store, *["goal.met"] * 20, at=datetime.now(UTC))
    second = publishing(settings, prefect_server)
    try:
        until(lambda: not unpublished(store))
    finally:
        assert ended(second, signal.SIGTERM) == 0
    seen = [event["payload"]["index"] for event in in_prefect(client, store)]
    assert mesh.missed(store, "*", seen) == []


@pytest.mark.slow
def test_a_burst_and_a_hundred_kills_lose_nothing(
    store: Store, settings: Settings, client: httpx.Client, prefect_server: str
) -> None:
    """Ten thousand events, the publisher killed a hundred times at random: all of them arrive."""
    rng = random.Random(20261123)
    for start in range(0, 10_000, 100):
        now = datetime.now(UTC)
        with store.writing(now) as writer:
            for number in range(start, start + 100):
                writer.event("goal.evaluated", f"goal/g-{number % 7}", {"number": number})
    for _ in range(100):
        process = publishing(settings, prefect_server)
        time.sleep(rng.uniform(0.2, 2.5))
        ended(process, signal.SIGKILL)
    last = publishing(settings, prefect_server)
    try:
        until(lambda: not unpublished(store), 300)
    finally:
        ended(last, signal.SIGTERM)
    seen = [event["payload"]["index"] for event in in_prefect(client, store)]
    assert mesh.missed(store, "*", seen) == []
    assert len(set(seen)) == 10_000
