"""One step of arms side by side: split the units, then look every so often until a verdict.

The lever is moved once, to the value under which each unit is told its own; nothing goes to and
fro. As in the other designs every step may be repeated or lost.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from grace.actions.action import Done, done_actions, pending_action
from grace.actions.concluding import Concluding, Step
from grace.errors import BadInput
from grace.governance.brakes import held
from grace.governance.register import Entry
from grace.levers import UnitLever
from grace.measurement.arms import compare
from grace.measurement.blocks import Unit
from grace.measurement.looks import ArmsLook, last_arms_look, record_arms_look
from grace.measurement.metrics import metric
from grace.states import Verdict
from grace.store import Store

__all__ = ["Comparing", "arms_due"]


def arms_due(store: Store, entry: Entry, done: Sequence[Done]) -> datetime | None:
    """When the arms are to be looked at next, None before the units were split."""
    begun = _begun(done)
    if begun is None:
        return None
    plan = entry.proposal.plan
    seen = last_arms_look(store, entry.id, plan)
    if seen and seen.verdict:
        return seen.at
    return (seen.at if seen else begun) + _between_looks(entry)


class Comparing(Concluding):
    def _compare(self, entry: Entry, units: Sequence[Unit], closed_at: datetime) -> Step:
        done = done_actions(self.store, entry.id)
        begun, pending = _begun(done), pending_action(self.store, entry.id)
        if begun is None:
            return self._begin(entry, done, pending, closed_at)
        before = last_arms_look(self.store, entry.id, entry.proposal.plan)
        if before and before.verdict:
            return self._end(entry, before.verdict, before, closed_at)
        due = arms_due(self.store, entry, done)
        if due is not None and closed_at < due:
            return Step(entry, due, look=before)
        if pending is None and (drift := self._drift(entry, done)):
            return Step(self._leave(entry, drift), None)
        seen = self._seen(entry, units, begun, closed_at, before)
        if seen.verdict:
            return self._end(entry, seen.verdict, seen, closed_at)
        return Step(entry, arms_due(self.store, entry, done), look=seen)

    def _begin(
        self, entry: Entry, done: Sequence[Done], pending: str | None, closed_at: datetime
    ) -> Step:
        if held(self.store, entry.proposal.change.target):
            return Step(entry, closed_at + _between_looks(entry))
        if pending is None and (drift := self._drift(entry, done)):
            return Step(self._leave(entry, drift), None)
        return self._split(entry)

    def _split(self, entry: Entry) -> Step:
        change, trial = entry.proposal.change, entry.proposal.plan.trial
        if not isinstance(self.lever, UnitLever):
            raise BadInput(f"{self.lever.name} cannot tell units apart: no arms side by side")
        value = self.lever.split(change, trial.id, trial.share)
        self._set_to(entry, "arms", "arms", value)
        due = arms_due(self.store, entry, done_actions(self.store, entry.id))
        return Step(entry, due)

    def _seen(
        self,
        entry: Entry,
        units: Sequence[Unit],
        begun: datetime,
        closed_at: datetime,
        before: ArmsLook | None,
    ) -> ArmsLook:
        plan, number = entry.proposal.plan, before.number + 1 if before else 1
        seen = compare(plan, units, begun, closed_at, number)
        with self.store.writing(self.clock()) as writer:
            record_arms_look(writer, entry.id, plan, seen, entry.id)
        return seen

    def _end(self, entry: Entry, verdict: Verdict, seen: ArmsLook, closed_at: datetime) -> Step:
        """A change that stays waits for its brake to be off; one that goes does not."""
        if not self._is_undone(entry, verdict) and held(self.store, entry.proposal.change.target):
            return Step(entry, closed_at + _between_looks(entry), look=seen)
        ended = self._conclude(entry, verdict, _in_words(entry, verdict, seen))
        return Step(ended, None, look=seen)


def _between_looks(entry: Entry) -> timedelta:
    return timedelta(seconds=entry.proposal.plan.trial.look_seconds)


def _begun(done: Sequence[Done]) -> datetime | None:
    return next((action.finished_at for action in done if action.purpose == "arms"), None)


def _in_words(entry: Entry, verdict: Verdict, seen: ArmsLook) -> str:
    judged, plan = seen.judgement, entry.proposal.plan
    runs = f"{judged.n_treatment} runs with it, {judged.n_control} without"
    stop = f"{seen.stop}; " if seen.stop else ""
    if judged.effect is None:
        return f"{verdict}: {stop}{runs}"
    change = metric(plan.metric).show_change(judged.effect)
    return f"{verdict}: {stop}{plan.metric} differs by {change} ({runs})"
