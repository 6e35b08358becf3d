"""Workers and fired automations of a real Prefect server in the log."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import sleep
from uuid import UUID, uuid4

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.events.actions import DoNothing, PauseWorkPool
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.settings import PREFECT_API_URL, temporary_settings

from grace.errors import Unreachable
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.read import newest
from tasks.ingest_prefect import ingest_prefect_runs
from tasks.ingest_prefect_beside import READER, ingest_automations, ingest_workers
from tasks.prefect_api import Window, run_history
from tasks.prefect_events import EventHistory

WORKERS, AUTOMATIONS = "shard_logs", "agentic_spine_logs"
FIRED, DONE = "prefect.automation.triggered", "prefect.automation.action.executed"

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture
def pool() -> Iterator[str]:
    """A work pool whose name needs quoting; its workers go with it."""
    name = f"a pool {uuid4().hex[:8]}"
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=name, type="process"))
        yield name
        client.delete_work_pool(name)


def heartbeat(pool: str, worker: str, interval: int) -> None:
    told = {"name": worker, "heartbeat_interval_seconds": interval}
    with get_client(sync_client=True) as client:
        client.request("POST", f"/work_pools/{pool}/workers/heartbeat", json=told)


def add_workers(store: Store) -> None:
    with run_history(Settings()) as history:
        ingest_workers(store, history, datetime.now(UTC))


def workers_in(store: Store, pool: str) -> pd.DataFrame:
    return newest(store, WORKERS, domain=pool).set_index("shard_id")


def is_offline(pool: str, worker: str) -> bool:
    with run_history(Settings()) as history:
        found = {(one.pool, one.name): one.status for one in history.workers()}
    return found[pool, worker] == "OFFLINE"


def test_each_worker_is_a_row_of_its_pool(store: Store, pool: str) -> None:
    heartbeat(pool, "one", 3600)
    heartbeat(pool, "two", 3600)
    add_workers(store)
    found = workers_in(store, pool)
    assert sorted(found.index) == ["one", "two"]
    assert set(found["status"]) == {"ONLINE"}
    assert set(found["shard_type"]) == {"prefect worker"}


def test_a_worker_that_falls_silent_is_revised_once(store: Store, pool: str, until) -> None:
    """Prefect takes it for gone after three intervals without a heartbeat."""
    heartbeat(pool, "one", 3600)
    add_workers(store)
    heartbeat(pool, "one", 1)
    until(lambda: is_offline(pool, "one"))
    add_workers(store)
    add_workers(store)
    row = workers_in(store, pool).loc["one"]
    assert (row["status"], row["revision"]) == ("OFFLINE", 2)
    assert row["completed_at"] > row["started_at"]


def fire(pool_id: UUID, name: str) -> Iterator[str]:
    """The resource of an automation that was told its event; it goes with the generator."""
    kind = f"made.{uuid4().hex}"
    trigger = EventTrigger(expect={kind}, posture=Posture.Reactive, threshold=1)
    actions = [DoNothing(), PauseWorkPool(work_pool_id=pool_id)]
    made = AutomationCore(name=name, trigger=trigger, actions=actions)
    event = {"id": str(uuid4()), "event": kind, "occurred": datetime.now(UTC).isoformat()}
    event |= {"resource": {"prefect.resource.id": "made"}}
    with get_client(sync_client=True) as client:
        answer = client.request("POST", "/automations/", json=made.model_dump(mode="json"))
        number = answer.json()["id"]
        client.request("POST", "/events", json=[event])
        yield f"prefect.automation.{number}"
        client.request("DELETE", f"/automations/{number}")


@pytest.fixture(scope="module")
def fired(prefect_server: str) -> Iterator[str]:
    """The name of an automation that fired; its first action was done, its second one failed.

    Prefect sometimes never loads the trigger of a new automation (3.8.8): then it is made anew.
    """
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        for _ in range(12):
            name = f"calm-{uuid4().hex[:8]}"
            for resource in fire(uuid4(), name):
                if any(outcomes(resource) == 2 or sleep(0.2) for _ in range(100)):
                    yield name
                    return
    raise AssertionError("no automation fires")


def outcomes(resource: str) -> int:
    kinds = [f"prefect.automation.action.{kind}" for kind in ("executed", "failed")]
    wanted = {"resource": {"id": [resource]}, "event": {"name": kinds}}
    with get_client(sync_client=True) as client:
        answer = client.request("POST", "/events/filter", json={"filter": wanted}).json()
    return int(answer["total"])


def test_each_action_of_a_fired_automation_is_a_decision(settings: Settings, fired: str) -> None:
    """Neither its firing nor the server's other events of it count a second time."""
    counts = ingest_prefect_runs.fn(settings, datetime.now(UTC))
    found = newest(open_store(settings.url), AUTOMATIONS, resource=fired).sort_values("log_id")
    assert found["chosen_action"].to_list() == ["do-nothing", "pause-work-pool"]
    assert found["status"].to_list() == ["executed", "failed"]
    done, failed = found["outcome"]
    assert done == "done"
    assert failed not in ("", "done")
    assert set(found["decision_type"]) == {"automation"}
    assert counts.added[AUTOMATIONS] >= 2
    contexts = [json.loads(one) for one in found["decision_context"]]
    assert contexts[0]["firing"] == contexts[1]["firing"]
    # what else ran on this server may be written down between the two readings
    ingest_prefect_runs.fn(settings, datetime.now(UTC))
    again = newest(open_store(settings.url), AUTOMATIONS, resource=fired).sort_values("log_id")
    assert_frame_equal(again, found)


def test_the_sample_log_has_neither(settings: Settings, pool: str, fired: str) -> None:
    heartbeat(pool, "one", 3600)
    sample = settings.for_log("sample")
    ingest_prefect_runs.fn(sample, datetime.now(UTC))
    store = open_store(sample.url)
    assert newest(store, WORKERS).empty
    assert newest(store, AUTOMATIONS).empty


def firing(occurred: datetime) -> dict[str, object]:
    return _told(FIRED, occurred, {}, [])


def action(of: dict[str, object], occurred: datetime) -> dict[str, object]:
    cause = {
        "prefect.resource.id": f"prefect.event.{of['id']}",
        "prefect.resource.role": "automation-triggered-event",
    }
    payload = {"action_index": 0, "action_type": "do-nothing", "invocation": str(uuid4())}
    return _told(DONE, occurred, payload, [cause])


def _told(
    kind: str, occurred: datetime, payload: dict[str, object], related: list[dict[str, str]]
) -> dict[str, object]:
    resource = {"prefect.resource.id": "prefect.automation.made", "prefect.resource.name": "made"}
    told = {"id": str(uuid4()), "event": kind, "occurred": occurred.isoformat()}
    return told | {"resource": resource, "payload": payload, "related": related}


@pytest.fixture
def tell(until):
    """Let events have happened; the server has written them when it returns."""

    def let(events: list[dict[str, object]]) -> None:
        ids = {one["id"] for one in events}
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=events)
            body = {"filter": {"id": {"id": sorted(ids)}}, "limit": 1}
            until(
                lambda: (
                    client.request("POST", "/events/filter", json=body).json()["total"] == len(ids)
                )
            )

    return let


def add_automations(store: Store, kind: type[EventHistory] = EventHistory) -> None:
    with run_history(Settings()) as history:
        ingest_automations(store, kind(history.client), datetime.now(UTC))


def statuses(store: Store, firings: list[dict[str, object]]) -> list[tuple[str, int]]:
    """Status and revision of the row of each firing."""
    frame = newest(store, AUTOMATIONS).set_index("log_id")
    rows = frame.loc[[f"{one['id']}:0" for one in firings]]
    return list(zip(rows["status"], rows["revision"], strict=True))


def test_a_firing_is_pending_until_its_action_is_told(store: Store, tell) -> None:
    one = firing(datetime.now(UTC) - timedelta(minutes=1))
    tell([one])
    add_automations(store)
    assert statuses(store, [one]) == [("pending", 1)]
    tell([action(one, datetime.now(UTC))])
    add_automations(store)
    assert statuses(store, [one]) == [("executed", 2)]
    add_automations(store)
    assert statuses(store, [one]) == [("executed", 2)]


def test_more_events_of_one_instant_than_pages_hold_are_all_read(store: Store, tell) -> None:
    """Each firing's action stands pages later, and reading again opens none of them again."""
    begin = datetime.now(UTC) - timedelta(minutes=5)
    crowd = [firing(begin) for _ in range(120)]
    others = [firing(begin + timedelta(milliseconds=n)) for n in (-1, 1, 2)]
    tell(crowd + others)
    tell([action(one, begin + timedelta(minutes=1)) for one in crowd + others])
    add_automations(store)
    before = statuses(store, crowd + others)
    assert {status for status, _ in before} == {"executed"}
    add_automations(store)
    assert statuses(store, crowd + others) == before


def test_an_event_written_behind_the_place_is_caught(store: Store, tell) -> None:
    add_automations(store)
    late = firing(datetime.now(UTC) - timedelta(minutes=5))
    tell([late])
    add_automations(store)
    assert statuses(store, [late]) == [("pending", 1)]


def test_a_reading_cut_short_goes_on_where_it_was(store: Store, tell) -> None:
    """The place stands with the rows that were added up to it."""
    begin = datetime.now(UTC) - timedelta(minutes=90)
    told = [firing(begin + n * timedelta(seconds=30)) for n in range(120)]
    tell(told)

    class Cut(EventHistory):
        def pages(self, names, window: Window):
            whole = super().pages(names, Window(begin, window.until))
            yield next(whole)
            raise Unreachable("the power went")

    with pytest.raises(Unreachable):
        add_automations(store, Cut)
    place = datetime.fromisoformat(store.cursor(READER))
    there = set(newest(store, AUTOMATIONS)["log_id"])
    assert newest(store, AUTOMATIONS)["timestamp"].max() == place < datetime.now(UTC)
    assert not {f"{one['id']}:0" for one in told} <= there
    add_automations(store)
    assert {revision for _, revision in statuses(store, told)} == {1}


def test_workers_of_many_pages_are_all_read(pool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.prefect_api.PAGE", 2)
    for number in range(5):
        heartbeat(pool, f"w-{number}", 3600)
    with run_history(Settings()) as history:
        mine = [one.name for one in history.workers() if one.pool == pool]
    assert sorted(mine) == [f"w-{number}" for number in range(5)]
