"""A log in which a goal to keep its healing went off its track."""

from datetime import timedelta

import pytest

from grace.mesh import read_events
from grace.store import Store
from tests.goals.conftest import Log

MINUTE = timedelta(minutes=1)


def healing(log: Log, error: str, good: int, attempts: int) -> None:
    """So many attempts at one error yesterday, the first `good` of which worked."""
    at = log.now - timedelta(days=1)
    rows = [
        {
            "attempt_id": f"{error}-{at.date()}-{number}",
            "error_type": error,
            "attempted_at": at + number * MINUTE,
            "success": number < good,
        }
        for number in range(attempts)
    ]
    with log.store.writing(log.now) as writer:
        writer.append("healing_attempts", rows, source="governed")


@pytest.fixture
def log(store: Store) -> Log:
    return Log(store)


@pytest.fixture
def off_track(log: Log) -> int:
    """A goal to keep 90 % that was kept, and then was not; the ledger index of the event.

    In the last week 30 of 100 refusals a day were healed, and 99 of 100 timeouts.
    """
    for day in range(14):
        if day == 7:
            log.add("healing_success_rate", "90%", days=30, title="Heal what fails")
        log.days(1)
        healing(log, "Timeout", 99, 100)
        healing(log, "Refused", 95 if day < 7 else 30, 100)
        log.judge()
    events = [event.index for event in read_events(log.store, "goal.off_track")]
    assert len(events) == 1
    return events[0]
