"""The flow runs that a measurement compares, loaded from the log."""

from datetime import datetime, timedelta

from grace.actions.action import done_actions
from grace.governance.policy import Policy
from grace.governance.register import Entry
from grace.measurement.blocks import Unit
from grace.measurement.plan import Plan
from grace.opportunities import (
    enhance_healing,
    fix_recurring_error,
    improve_execution,
    improve_ml_confidence,
)
from grace.opportunities.confidences import model_logs
from grace.opportunities.earning import execution_units
from grace.opportunities.waits import unit_values
from grace.patterns.library import Library
from grace.patterns.record import of_pattern
from grace.store import Store
from grace.store.read import newest
from tasks.executions import decisions_since

__all__ = ["load_units"]

# runs queued before the first block may still fill it: its backlog must be seen
BEFORE = timedelta(hours=1)


def load_units(store: Store, entry: Entry, now: datetime, policy: Policy) -> list[Unit]:
    """One unit a flow run from shortly before the measurement began until now, oldest first."""
    done = done_actions(store, entry.id)
    if not done:
        return []
    since, plan = done[0].started_at - BEFORE, entry.proposal.plan
    if plan.metric == enhance_healing.METRIC:
        return _healing(store, since, now, plan.subject)
    if plan.metric in improve_ml_confidence.METRICS:
        return _of_model(store, since, now, plan)
    if plan.metric == improve_execution.METRIC:
        return _executions(store, since, now, entry, policy)
    frame = newest(store, "parallel_process_logs", since=since)
    if plan.metric == fix_recurring_error.METRIC:
        library = Library.load(store)
        return fix_recurring_error.units(frame, library.fingerprint_of, plan.subject)
    return [
        Unit(unit.queued, unit.completed, unit.value)
        for unit in unit_values(frame, plan.subject, plan.floor_seconds)
    ]


def _healing(store: Store, since: datetime, now: datetime, fingerprint: str) -> list[Unit]:
    """The attempts at one error pattern."""
    library, attempts = Library.load(store), newest(store, "healing_attempts", since=since)
    attempts = attempts[of_pattern(attempts, library, fingerprint)]
    return enhance_healing.healing_units(attempts, now)


def _executions(
    store: Store, since: datetime, now: datetime, entry: Entry, policy: Policy
) -> list[Unit]:
    """The decisions of one type that the permit is about, by the systems that it names."""
    rows = decisions_since(store, policy, since)
    ours = improve_execution.of_change(rows, entry.proposal.change)
    return execution_units(ours, now)


def _of_model(store: Store, since: datetime, now: datetime, plan: Plan) -> list[Unit]:
    """What one model stated, against what came true."""
    logs = model_logs(newest(store, "ml_learning_logs", since=since), now)
    found = next((each for each in logs if each.name == plan.subject), None)
    return improve_ml_confidence.units_of(found, plan.metric) if found else []
