"""One step of before/after: the change stays where it is, and looks say what the days were like.

Nothing goes to and fro, so nothing is drawn by chance and the evidence is weak: by itself the
change is undone on a guardrail alone, whatever the days say. A person may undo it at any time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from grace.actions.action import Done, done_actions, pending_action
from grace.actions.concluding import Concluding, Step
from grace.governance.register import Entry, find, move
from grace.levers import is_reversible
from grace.measurement.blocks import Unit
from grace.measurement.days import FIRST_VERDICT, LAST_VERDICT, DaysLook, compare_days
from grace.measurement.looks import last_days_look, record_days_look
from grace.measurement.metrics import metric
from grace.states import Verdict
from grace.statistics.before_after import FEWEST_DAYS
from grace.store import Store

__all__ = ["Following", "days_due"]


def days_due(store: Store, entry: Entry, done: Sequence[Done]) -> datetime | None:
    """When the days are to be looked at next, None before the first look."""
    seen = last_days_look(store, entry.id, entry.proposal.plan)
    if seen is None:
        return None
    if seen.verdict:
        return seen.at
    return _next_look(entry, done[0].finished_at, seen.at)


class Following(Concluding):
    def _follow(self, entry: Entry, units: Sequence[Unit], closed_at: datetime) -> Step:
        done = done_actions(self.store, entry.id)
        plan, begun = entry.proposal.plan, done[0].finished_at
        before = last_days_look(self.store, entry.id, plan)
        if before and before.verdict:
            return self._end_days(entry, before.verdict, before)
        due = days_due(self.store, entry, done)
        if due is not None and closed_at < due:
            return Step(entry, due, look=before)
        settled = pending_action(self.store, entry.id) is None
        if settled and self._can_go_back(entry) and (drift := self._drift(entry, done)):
            return Step(self._leave(entry, drift), None)
        seen = compare_days(plan, units, begun, closed_at, before)
        with self.store.writing(self.clock()) as writer:
            record_days_look(writer, entry.id, plan, seen)
        if seen.verdict:
            return self._end_days(entry, seen.verdict, seen)
        return Step(entry, _next_look(entry, begun, closed_at), look=seen)

    def _end_days(self, entry: Entry, verdict: Verdict, seen: DaysLook) -> Step:
        reason = _in_words(entry, verdict, seen)
        if seen.is_guarded and self._can_go_back(entry):
            return Step(self._undo(entry, reason, verdict), None, look=seen)
        if verdict == "regressed" and self._can_go_back(entry):
            reason += "; it stays until a person undoes it"
        elif verdict == "regressed":
            reason += "; it cannot be undone, a person has to look"
        with self.store.writing(self.clock()) as writer:
            kept = move(writer, find(self.store, entry.id), "kept", reason=reason, verdict=verdict)
        return Step(kept, None, look=seen)

    def _can_go_back(self, entry: Entry) -> bool:
        return is_reversible(self.lever, entry.proposal.change.target)


def _next_look(entry: Entry, begun: datetime, at: datetime) -> datetime:
    """A look at the guardrails, or at the days where that comes first."""
    usual = at + timedelta(seconds=entry.proposal.plan.by_days.look_seconds)
    fixed = (begun + due for due in (FIRST_VERDICT, LAST_VERDICT))
    return min([usual, *(each for each in fixed if each > at)])


def _in_words(entry: Entry, verdict: Verdict, seen: DaysLook) -> str:
    judged, plan = seen.judgement, entry.proposal.plan
    days = f"{judged.days_before} days before, {judged.days_after} after"
    stop = f"{seen.stop}; " if seen.stop else ""
    if judged.effect is None or judged.days_before < FEWEST_DAYS:
        return f"{verdict}: {stop}{days}"
    change = metric(plan.metric).show_change(judged.effect)
    return (
        f"{verdict} (weak evidence, before/after): {stop}{plan.metric} differs by {change} ({days})"
    )
