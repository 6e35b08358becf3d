"""The units of a proposal's metric in the log: while it is measured, and at any other time."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pandas as pd

from grace.actions.action import done_actions
from grace.governance.policy import Policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry
from grace.measurement.blocks import Unit
from grace.opportunities import (
    enhance_healing,
    fix_recurring_error,
    improve_execution,
    improve_ml_confidence,
    reduce_wait_time,
)
from grace.opportunities.confidences import model_logs
from grace.opportunities.earning import execution_units
from grace.opportunities.waits import unit_values
from grace.patterns.library import Library
from grace.patterns.record import of_pattern
from grace.record.quiet import Span
from grace.store import Store
from grace.store.read import first_time, newest
from tasks.executions import decisions_since

__all__ = ["LoggedUnits", "load_units", "span_of"]

# what was queued before a stretch and may still run in it, and what ends after it
MARGIN = timedelta(hours=1)
RUNS, ATTEMPTS, DECISIONS, LEARNING = (
    "parallel_process_logs",
    "healing_attempts",
    "agentic_spine_logs",
    "ml_learning_logs",
)
TIMES = {RUNS: "timestamp", ATTEMPTS: "attempted_at", DECISIONS: "at", LEARNING: "timestamp"}

Read = Callable[[pd.DataFrame, Proposal, datetime], list[Unit]]


TABLE_OF: dict[str, str] = {
    reduce_wait_time.METRIC: RUNS,
    fix_recurring_error.METRIC: RUNS,
    enhance_healing.METRIC: ATTEMPTS,
    improve_execution.METRIC: DECISIONS,
    **dict.fromkeys(improve_ml_confidence.METRICS, LEARNING),
}


def load_units(store: Store, entry: Entry, now: datetime, policy: Policy) -> list[Unit]:
    """One unit a flow run from shortly before the measurement began until now, oldest first."""
    done = done_actions(store, entry.id)
    if not done:
        return []
    begun = done[0].started_at
    return LoggedUnits(store, policy, begun, now).units(entry.proposal, begun, now)


def span_of(store: Store, proposal: Proposal, begin: datetime, end: datetime) -> Span | None:
    """What of [begin, end] comes after the first row that could tell of a proposal's metric."""
    table = TABLE_OF.get(proposal.plan.metric)
    first = None if table is None else first_time(store, table)
    return None if first is None or first >= end else (max(first, begin), end)


class LoggedUnits:
    """Of one log between two moments; each table is loaded once, when it is first asked for."""

    def __init__(self, store: Store, policy: Policy, begin: datetime, end: datetime) -> None:
        self._store, self._policy = store, policy
        self._since, self._until = begin - MARGIN, end + MARGIN
        self._frames: dict[str, pd.DataFrame] = {}
        self._library: Library | None = None
        self._reads: dict[str, Read] = {
            reduce_wait_time.METRIC: _waits,
            fix_recurring_error.METRIC: self._failures,
            enhance_healing.METRIC: self._healing,
            improve_execution.METRIC: _executions,
            **dict.fromkeys(improve_ml_confidence.METRICS, _of_model),
        }

    def units(self, proposal: Proposal, begin: datetime, end: datetime) -> list[Unit]:
        """Those of a stretch and of an hour around it; raises KeyError where `span_of` is None."""
        metric, since, until = proposal.plan.metric, begin - MARGIN, end + MARGIN
        table = TABLE_OF[metric]
        frame = self._frame(table)
        near = frame[frame[TIMES[table]].between(since, until)]
        return self._reads[metric](near, proposal, until)

    def _frame(self, table: str) -> pd.DataFrame:
        if table not in self._frames:
            self._frames[table] = (
                decisions_since(self._store, self._policy, self._since)
                if table == DECISIONS
                else newest(self._store, table, since=self._since, until=self._until)
            )
        return self._frames[table]

    @property
    def _patterns(self) -> Library:
        if self._library is None:
            self._library = Library.load(self._store)
        return self._library

    def _failures(self, frame: pd.DataFrame, proposal: Proposal, until: datetime) -> list[Unit]:
        fingerprint_of = self._patterns.fingerprint_of
        return fix_recurring_error.units(frame, fingerprint_of, proposal.plan.subject)

    def _healing(self, frame: pd.DataFrame, proposal: Proposal, until: datetime) -> list[Unit]:
        mine = frame[of_pattern(frame, self._patterns, proposal.plan.subject)]
        return enhance_healing.healing_units(mine, until)


def _waits(frame: pd.DataFrame, proposal: Proposal, until: datetime) -> list[Unit]:
    plan = proposal.plan
    found = unit_values(frame, plan.subject, plan.floor_seconds)
    return [Unit(unit.queued, unit.completed, unit.value) for unit in found]


def _executions(frame: pd.DataFrame, proposal: Proposal, until: datetime) -> list[Unit]:
    return execution_units(improve_execution.of_change(frame, proposal.change), until)


def _of_model(frame: pd.DataFrame, proposal: Proposal, until: datetime) -> list[Unit]:
    models = {model.name: model for model in model_logs(frame, until)}
    found = models.get(proposal.plan.subject)
    return improve_ml_confidence.units_of(found, proposal.plan.metric) if found else []
