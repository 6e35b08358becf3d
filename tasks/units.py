"""The flow runs that a measurement compares, loaded from the log."""

from datetime import timedelta

from grace.actions.action import done_actions
from grace.governance.register import Entry
from grace.measurement.blocks import Unit
from grace.opportunities import fix_recurring_error
from grace.opportunities.waits import unit_values
from grace.patterns.library import Library
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
    frame = newest(store, "parallel_process_logs", since=done[0].started_at - BEFORE)
    plan = entry.proposal.plan
    if plan.metric == fix_recurring_error.METRIC:
        library = Library.load(store)
        return fix_recurring_error.units(frame, library.fingerprint_of, plan.subject)
    return [
        Unit(unit.queued, unit.completed, unit.value)
        for unit in unit_values(frame, plan.subject, plan.floor_seconds)
    ]
