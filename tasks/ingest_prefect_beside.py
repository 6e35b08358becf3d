"""What Prefect tells besides runs: its workers, and the automations that fired.

Both go to the main log alone: neither tells whether it served the sample workload. The place among
the events is a time of its own, kept in the transaction that adds what was read up to it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from grace.ingestion.prefect_automations import EVENTS, Event, automation_rows
from grace.ingestion.prefect_workers import worker_row
from grace.ingestion.unfit import fitting
from grace.store import Store
from grace.store.read import newest
from tasks.prefect_api import RunHistory, Window
from tasks.prefect_events import EventHistory

__all__ = ["ingest_automations", "ingest_beside", "ingest_workers"]

READER, SOURCE = "prefect-automations", "prefect"
WORKERS, AUTOMATIONS = "shard_logs", "agentic_spine_logs"
# events are written behind, and out of the order of their times
OVERLAP = timedelta(minutes=10)
# as far as the server itself looks back unless told; by default it keeps 7 days
OLDEST = timedelta(days=180)


def ingest_beside(store: Store, history: RunHistory, now: datetime) -> Mapping[str, int]:
    """Rows added, by table."""
    events = EventHistory(history.client)
    return {
        WORKERS: ingest_workers(store, history, now),
        AUTOMATIONS: ingest_automations(store, events, now),
    }


def ingest_workers(store: Store, history: RunHistory, now: datetime) -> int:
    rows = [worker_row(worker) for worker in history.workers()]
    with store.writing(now) as writer:
        fit = fitting(writer, WORKERS, rows, SOURCE)
        return len(writer.append(WORKERS, fit, source=SOURCE))


def ingest_automations(store: Store, events: EventHistory, now: datetime) -> int:
    """One transaction for each page of events, so that a reading cut short goes on from there."""
    place = _place(store)
    begin = place - OVERLAP if place else now - OLDEST
    added = 0
    for page in events.pages(EVENTS, Window(begin, now)):
        until = page[-1].occurred if page else begin
        added += _add(store, page, now, max(until, place or until))
    with store.writing(now) as writer:
        writer.set_cursor(READER, max(now, place or now).isoformat())
    return added


def _add(store: Store, page: list[Event], now: datetime, until: datetime) -> int:
    rows = automation_rows(page, _logged(store, page))
    with store.writing(now) as writer:
        writer.set_cursor(READER, until.isoformat())
        fit = fitting(writer, AUTOMATIONS, rows, SOURCE)
        return len(writer.append(AUTOMATIONS, fit, source=SOURCE))


def _logged(store: Store, page: list[Event]) -> set[str]:
    """Ids in the log of what these events and all later ones told."""
    if not page:
        return set()
    first = min(event.occurred for event in page)
    return set(newest(store, AUTOMATIONS, since=first, decision_type="automation")["log_id"])


def _place(store: Store) -> datetime | None:
    kept = store.cursor(READER)
    return datetime.fromisoformat(kept) if isinstance(kept, str) else None
