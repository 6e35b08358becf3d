"""The units of a proposal's metric in the log: while it is measured, and at any other time."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pandas as pd

from grace.actions.action import done_actions
from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.proposal import Proposal
from grace.governance.register import Entry
from grace.measurement import deployments
from grace.measurement.blocks import Unit
from grace.measurement.days import baseline
from grace.measurement.looks import last_days_look
from grace.measurement.outcomes import Outcome, outcomes
from grace.measurement.plan import Plan
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
from grace.record.quiet import Span, busy_near
from grace.record.trials import deeds, trials
from grace.store import Store
from grace.store.read import first_time, newest
from tasks.executions import decisions_since

__all__ = ["LoggedUnits", "days_with_data", "load_units", "span_of"]

# what was queued before a stretch and may still run in it, and what ends after it
MARGIN = timedelta(hours=1)
RUNS, ATTEMPTS, DECISIONS, LEARNING = (
    "parallel_process_logs",
    "healing_attempts",
    "agentic_spine_logs",
    "ml_learning_logs",
)
TIMES = {RUNS: "timestamp", ATTEMPTS: "attempted_at", DECISIONS: "at", LEARNING: "timestamp"}

Read = Callable[[pd.DataFrame, Plan, Change, datetime], list[Unit]]


TABLE_OF: dict[str, str] = {
    reduce_wait_time.METRIC: RUNS,
    fix_recurring_error.METRIC: RUNS,
    enhance_healing.METRIC: ATTEMPTS,
    improve_execution.METRIC: DECISIONS,
    **dict.fromkeys(improve_ml_confidence.METRICS, LEARNING),
    **dict.fromkeys(deployments.METRICS, RUNS),
}


def load_units(store: Store, entry: Entry, now: datetime, policy: Policy) -> list[Unit]:
    """One unit a flow run from shortly before the measurement began until now, oldest first.

    At its first look before/after needs those of the days before too.
    """
    done = done_actions(store, entry.id)
    if not done:
        return []
    begun, plan = done[0].started_at, entry.proposal.plan
    if plan.days and last_days_look(store, entry.id, plan) is None:
        begun = min(begun, plan.days.baseline_from)
    return LoggedUnits(store, policy, begun, now).units(entry.proposal, begun, now)


def days_with_data(store: Store, policy: Policy, change: Change, plan: Plan) -> int:
    """On how many of the days before, that a plan fixes, something was logged; 0 where any of them
    is not quiet: another change of the target, or one that was measured so too.
    """
    begin, end = plan.by_days.baseline_from, plan.by_days.baseline_to
    busy = busy_near(trials(store), deeds(store), change.target, plan.subject, end)
    if any(start < end and begin < stop for start, stop in busy):
        return 0
    units = LoggedUnits(store, policy, begin, end).units_for(plan, change, begin, end)
    return sum(mean is not None for mean in baseline(plan.by_days, units))


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
            **dict.fromkeys(deployments.METRICS, _of_deployment),
        }

    def units(self, proposal: Proposal, begin: datetime, end: datetime) -> list[Unit]:
        """Those of a stretch and of an hour around it; raises KeyError where `span_of` is None."""
        return self.units_for(proposal.plan, proposal.change, begin, end)

    def units_for(self, plan: Plan, change: Change, begin: datetime, end: datetime) -> list[Unit]:
        since, until = begin - MARGIN, end + MARGIN
        table = TABLE_OF[plan.metric]
        frame = self._frame(table)
        near = frame[frame[TIMES[table]].between(since, until)]
        return self._reads[plan.metric](near, plan, change, until)

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

    def _failures(
        self, frame: pd.DataFrame, plan: Plan, change: Change, until: datetime
    ) -> list[Unit]:
        fingerprint_of = self._patterns.fingerprint_of
        return fix_recurring_error.units(frame, fingerprint_of, plan.subject)

    def _healing(
        self, frame: pd.DataFrame, plan: Plan, change: Change, until: datetime
    ) -> list[Unit]:
        mine = frame[of_pattern(frame, self._patterns, plan.subject)]
        return enhance_healing.healing_units(mine, until)


def _waits(frame: pd.DataFrame, plan: Plan, change: Change, until: datetime) -> list[Unit]:
    found, ended = unit_values(frame, plan.subject, plan.floor_seconds), outcomes(frame)
    unknown = Outcome(None, None)
    return [
        Unit(
            unit.queued,
            unit.completed,
            unit.value,
            unit.unit,
            ended.get(unit.unit, unknown).seconds,
            ended.get(unit.unit, unknown).failed,
        )
        for unit in found
    ]


def _of_deployment(frame: pd.DataFrame, plan: Plan, change: Change, until: datetime) -> list[Unit]:
    return deployments.deployment_units(frame, plan.subject, plan.metric)


def _executions(frame: pd.DataFrame, plan: Plan, change: Change, until: datetime) -> list[Unit]:
    return execution_units(improve_execution.of_change(frame, change), until)


def _of_model(frame: pd.DataFrame, plan: Plan, change: Change, until: datetime) -> list[Unit]:
    models = {model.name: model for model in model_logs(frame, until)}
    found = models.get(plan.subject)
    return improve_ml_confidence.units_of(found, plan.metric) if found else []
