"""When the row of a worker says something new."""

from datetime import UTC, datetime, timedelta

from grace.ingestion.prefect_workers import Worker, worker_row
from grace.store.schema import LOGS

BEAT = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
ONLINE = Worker(
    id="the-id",
    name="w-one",
    pool="p1",
    status="ONLINE",
    created=BEAT - timedelta(days=1),
    last_heartbeat_time=BEAT,
)


def beating(after: timedelta, status: str = "ONLINE") -> dict[str, object]:
    update = {"last_heartbeat_time": BEAT + after, "status": status}
    return worker_row(ONLINE.model_copy(update=update))


def test_heartbeats_within_an_hour_say_nothing_new_and_the_next_hour_does() -> None:
    first = beating(timedelta(0))
    assert beating(timedelta(minutes=49)) == first
    later = beating(timedelta(minutes=50))
    assert later != first
    assert later["log_id"] == first["log_id"] == "p1/w-one:the-id"
    assert first.keys() <= set(LOGS["shard_logs"].payload)


def test_a_worker_that_is_gone_ended_with_its_last_heartbeat() -> None:
    row = beating(timedelta(minutes=3), "OFFLINE")
    assert row["completed_at"] == row["timestamp"] == BEAT + timedelta(minutes=3)
    assert row["started_at"] == ONLINE.created
    assert beating(timedelta(minutes=3))["completed_at"] is None


def test_a_worker_that_never_sent_a_heartbeat_is_dated_by_its_making() -> None:
    silent = ONLINE.model_copy(update={"last_heartbeat_time": None, "status": "OFFLINE"})
    assert worker_row(silent)["timestamp"] == ONLINE.created
