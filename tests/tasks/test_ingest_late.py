"""Ingestion when states come late, out of order, all at once, or the reading is cut short.

The server records task runs from events that carry their own times, so that a test can let any
history happen on a real server.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect import flow, get_client

import tasks.ingest_prefect
from grace.errors import Unreachable
from grace.settings import Settings
from grace.store import Store
from grace.store.read import newest
from tasks.ingest_prefect import OVERLAP, SETTLE, Ingestion, belonging_to, split
from tasks.prefect_api import RunHistory, Window, run_history

MINUTE = timedelta(minutes=1)


@flow
def past() -> None:
    pass


@dataclass(frozen=True)
class Task:
    """A task run of one second that ended, or is still at work."""

    ended: datetime | None
    started: datetime
    id: str = field(default_factory=lambda: str(uuid4()))

    def event(self, flow_run_id: str) -> dict[str, object]:
        kind = "COMPLETED" if self.ended else "RUNNING"
        times = {"expected_start_time": self.started, "start_time": self.started}
        times |= {"end_time": self.ended} if self.ended else {}
        run = {"name": "made", "task_key": "made", "dynamic_key": self.id, "run_count": 1}
        return {
            "id": str(uuid4()),
            "occurred": (self.ended or self.started).isoformat(),
            "event": f"prefect.task-run.{kind.title()}",
            "resource": {
                "prefect.resource.id": f"prefect.task-run.{self.id}",
                "prefect.orchestration": "client",
            },
            "related": [
                {
                    "prefect.resource.id": f"prefect.flow-run.{flow_run_id}",
                    "prefect.resource.role": "flow-run",
                }
            ],
            "payload": {
                "validated_state": {"type": kind, "name": kind.title()},
                "task_run": run | {name: time.isoformat() for name, time in times.items()},
            },
        }


def ended(moment: datetime) -> Task:
    return Task(moment, moment - timedelta(seconds=1))


@pytest.fixture
def flow_run(prefect_api: str) -> str:
    with get_client(sync_client=True) as client:
        return str(client.create_flow_run(past).id)


@pytest.fixture
def record(flow_run: str, until):
    """Let task runs have happened; the server has written them when it returns."""

    def written(made: Sequence[Task]) -> bool:
        with run_history(Settings()) as history:
            found = {run.id: run.end_time for run in history.task_runs(task.id for task in made)}
        return all(found.get(task.id, "none") == task.ended for task in made)

    def let(made: Sequence[Task]) -> None:
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=[task.event(flow_run) for task in made])
        until(lambda: written(made))

    return let


def ingest(store: Store, kind: type[RunHistory] = RunHistory) -> None:
    with run_history(Settings()) as history:
        now = datetime.now(UTC) + SETTLE
        Ingestion(store, kind(history.client), belonging_to(Settings()), now, print).run()


def logged(store: Store, made: Sequence[Task]) -> list[str]:
    """Ids of these task runs in the log, each as often as it has revisions."""
    frame = newest(store, "parallel_process_logs")
    mine = frame[frame["process_id"].isin([task.id for task in made])]
    return [
        one for one, n in zip(mine["process_id"], mine["revision"], strict=True) for _ in range(n)
    ]


def each_once(store: Store, made: Sequence[Task]) -> bool:
    return sorted(logged(store, made)) == sorted(task.id for task in made)


def test_more_runs_of_one_instant_than_a_page_holds_are_all_read(store: Store, record) -> None:
    """Pages that begin where the last one ended in time would turn for ever, or skip."""
    now = datetime.now(UTC)
    crowd = [ended(now - MINUTE) for _ in range(210)]
    others = [ended(now - MINUTE + timedelta(microseconds=n)) for n in (-2, -1, 1, 2)]
    record(crowd + others)
    ingest(store)
    assert each_once(store, crowd + others)


def test_a_run_committed_behind_the_cursor_is_caught(store: Store, record) -> None:
    """It ended before runs that were read already, and nothing was known of it."""
    record([ended(datetime.now(UTC))])
    ingest(store)
    late = [ended(datetime.now(UTC) - 5 * MINUTE)]
    record(late)
    ingest(store)
    assert each_once(store, late)


def test_a_run_that_was_under_way_is_looked_up_however_old_its_end(store: Store, record) -> None:
    """Its machine was cut off for an hour, and told of the end afterwards."""
    now = datetime.now(UTC)
    at_work = Task(None, now - 120 * MINUTE)
    record([at_work])
    ingest(store)
    assert logged(store, [at_work]) == []
    over = Task(now - 60 * MINUTE, at_work.started, at_work.id)
    assert now - over.ended > OVERLAP
    record([over])
    ingest(store)
    assert each_once(store, [over])


def test_runs_that_come_and_go_between_two_pages_make_none_lost_or_doubled(
    store: Store, record
) -> None:
    """By offset, each would move the next page by one run: doubled, or passed over."""
    now = datetime.now(UTC)
    there = [ended(now - MINUTE + timedelta(milliseconds=n)) for n in range(210)]
    arriving = [ended(now - MINUTE + timedelta(milliseconds=n)) for n in (20.5, 205.5)]
    record(there)
    arrived: list[Task] = []
    deleted: list[object] = []

    def delete(run: dict[str, object]) -> None:
        deleted.append(run["id"])
        with get_client(sync_client=True) as client:
            client.request("DELETE", f"/task_runs/{run['id']}")

    class Busy(RunHistory):
        def _page(self, path: str, body: dict[str, object]) -> list[dict[str, object]]:
            page = super()._page(path, body)
            if path == "/task_runs/filter" and len(page) == 200 and len(arrived) < len(arriving):
                arrived.append(arriving[len(arrived)])
                record(arrived[-1:])
                # more than arrive: else the next page would begin where it would have anyway
                for run in page[:5]:
                    delete(run)
            return page

    ingest(store, Busy)
    assert arrived
    assert deleted
    assert set(logged(store, there)) == {task.id for task in there}
    ingest(store)
    assert each_once(store, there + arrived)


def test_a_killed_ingestion_goes_on_where_it_was(
    store: Store, record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed stays; a second run brings the rest, and nothing twice."""
    begin = datetime.now(UTC) - 90 * MINUTE
    history = [ended(begin + n * MINUTE / 2) for n in range(120)]
    record(history)

    class Killed(RunHistory):
        reads: list[Window] = []  # noqa: RUF012 - one list for the class is the point

        def task_runs_ended(self, window: Window):
            # what other tests left on this server may be far older, and is not counted
            if window.until > begin:
                self.reads.append(window)
            if len(self.reads) == 5:
                raise Unreachable("the power went")
            return super().task_runs_ended(window)

    with monkeypatch.context() as small:
        small.setattr(tasks.ingest_prefect, "RUNS_A_TRANSACTION", 20)
        with pytest.raises(Unreachable):
            ingest(store, Killed)
    assert Killed.reads == sorted(Killed.reads, key=lambda window: window.after)
    partly = logged(store, history)
    assert 0 < len(partly) < len(history)
    ingest(store)
    assert each_once(store, history)


@st.composite
def histories(draw: st.DrawFn) -> list[int]:
    """Moments of a history in milliseconds, crowded at some."""
    crowds = draw(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 40)), max_size=12))
    return [moment for moment, size in crowds for _ in range(size)]


@given(histories())
def test_split_covers_the_window_in_order_by_parts_that_are_not_too_large(
    moments: list[int],
) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    ends = [begin + timedelta(milliseconds=moment) for moment in moments]
    whole = Window(begin, begin + timedelta(milliseconds=10**7))

    def held(window: Window) -> list[datetime]:
        return [end for end in ends if window.after <= end <= window.until]

    parts = list(split(lambda window: 30 * len(held(window)), whole))
    assert (parts[0].after, parts[-1].until) == (whole.after, whole.until)
    assert all(left.until == right.after for left, right in pairwise(parts))
    for part in parts:
        instant = part.until - part.after < timedelta(milliseconds=1)
        assert instant or 30 * len(held(part)) <= 1000


def test_a_window_that_ends_before_it_begins_has_no_parts() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert list(split(lambda window: 0, Window(now, now - MINUTE))) == []
