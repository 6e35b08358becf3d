"""The flow runs that a measurement compares, loaded from the log."""

from datetime import UTC, datetime, timedelta

from grace.actions.action import done_actions
from grace.governance.register import Entry
from grace.measurement.blocks import Unit
from grace.opportunities import enhance_healing, fix_recurring_error
from grace.opportunities.waits import unit_values
from grace.patterns.library import Library
from grace.patterns.record import of_pattern
from grace.store import Store
from grace.store.read import newest

__all__ = ["load_units"]

# runs queued before the first block may still fill it: its backlog must be seen
BEFORE = timedelta(hours=1)


def load_units(store: Store, entry: Entry) -> list[Unit]:
    """One unit a flow run since shortly before the measurement began, oldest first."""
    done = done_actions(store, entry.id)
    if not done:
        return []
    since, plan = done[0].started_at - BEFORE, entry.proposal.plan
    if plan.metric == enhance_healing.METRIC:
        return _healing(store, since, plan.subject)
    frame = newest(store, "parallel_process_logs", since=since)
    if plan.metric == fix_recurring_error.METRIC:
        library = Library.load(store)
        return fix_recurring_error.units(frame, library.fingerprint_of, plan.subject)
    return [
        Unit(unit.queued, unit.completed, unit.value)
        for unit in unit_values(frame, plan.subject, plan.floor_seconds)
    ]


def _healing(store: Store, since: datetime, fingerprint: str) -> list[Unit]:
    """The attempts at one error pattern."""
    library, attempts = Library.load(store), newest(store, "healing_attempts", since=since)
    attempts = attempts[of_pattern(attempts, library, fingerprint)]
    return enhance_healing.healing_units(attempts, datetime.now(UTC))
