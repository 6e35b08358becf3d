"""One step of a measurement: close the block that is due, judge, and set the next one or end it.

Every step may be repeated or lost: what was done stands in the log, and the step after a crash
goes on from there. Arms side by side have steps of their own, in `grace.actions.comparing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.actions.action import Done, done_actions, pending_action
from grace.actions.comparing import Comparing, Step, arms_due
from grace.governance.brakes import held
from grace.governance.register import Entry, move
from grace.measurement.blocks import Block, Unit
from grace.measurement.looks import ArmsLook, Look, last_look, look, record_look
from grace.measurement.metrics import metric
from grace.states import Verdict
from grace.store import Store

__all__ = ["Measuring", "Step", "block_due", "step_due"]


def block_due(entry: Entry, done: Sequence[Done]) -> datetime | None:
    """When the running block ends, None before the first."""
    blocks = [action for action in done if action.purpose == "block"]
    return blocks[-1].finished_at + _length(entry) if blocks else None


def step_due(store: Store, entry: Entry) -> datetime | None:
    """When the next step is due, None where none was taken yet."""
    done = done_actions(store, entry.id)
    if entry.proposal.plan.design == "arms":
        return arms_due(store, entry, done)
    return block_due(entry, done)


@dataclass(frozen=True)
class Measuring(Comparing):
    """Any design; take a step in the target's `turn`."""

    def step(self, entry: Entry, units: Sequence[Unit], closed_at: datetime) -> Step:
        """Take the step that is due; `units` are those known at `closed_at`, or later ones too."""
        if entry.state == "rolling_back":
            return Step(self._undo(entry, entry.reason or "", entry.verdict), None)
        if entry.state not in ("applied", "measuring"):
            return Step(entry, None)
        if entry.state == "applied":
            with self.store.writing(self.clock()) as writer:
                entry = move(writer, entry, "measuring")
        if entry.proposal.plan.design == "unmeasured":
            return Step(self._leave_unmeasured(entry), None)
        if entry.proposal.plan.design == "arms":
            return self._compare(entry, units, closed_at)
        return self._measure(entry, units, closed_at)

    def _leave_unmeasured(self, entry: Entry) -> Entry:
        reason = "unverified: nothing measures its effect"
        with self.store.writing(self.clock()) as writer:
            return move(writer, entry, "kept", reason=reason, verdict="insufficient_data")

    def _measure(self, entry: Entry, units: Sequence[Unit], closed_at: datetime) -> Step:
        done = done_actions(self.store, entry.id)
        blocks = [action for action in done if action.purpose == "block"]
        pending = pending_action(self.store, entry.id)
        if pending == f"block-{len(blocks)}":
            return self._switch(entry, len(blocks))
        due = block_due(entry, done)
        if due is not None and closed_at < due:
            return Step(entry, due, len(blocks) - 1)
        if held(self.store, entry.proposal.change.target):
            return Step(entry, closed_at + _length(entry), len(blocks) - 1)
        if pending is None and (drift := self._drift(entry, done)):
            return Step(self._leave(entry, drift), None)
        return self._close(entry, blocks, units, closed_at)

    def _close(
        self, entry: Entry, blocks: Sequence[Done], units: Sequence[Unit], closed_at: datetime
    ) -> Step:
        """Judge where a pair is complete; end the measurement, or begin the next block."""
        number = len(blocks)
        if number == 0 or number % 2:
            return self._switch(entry, number)
        seen = self._look(entry, blocks, units, closed_at)
        if seen.judgement.verdict is not None:
            reason = _in_words(entry, seen.judgement.verdict, seen)
            return Step(self._conclude(entry, seen.judgement.verdict, reason), None, look=seen)
        step = self._switch(entry, number)
        return Step(step.entry, step.next_at, step.block, seen)

    def _look(
        self, entry: Entry, blocks: Sequence[Done], units: Sequence[Unit], closed_at: datetime
    ) -> Look:
        plan = entry.proposal.plan
        before = last_look(self.store, entry.id, plan)
        assert not isinstance(before, ArmsLook)
        if before and before.number == len(blocks) // 2:
            return before
        first, second = blocks[-2:]
        number = len(blocks)
        pair = (
            Block(number - 2, plan.arms[number - 2], first.finished_at, second.started_at),
            Block(number - 1, plan.arms[number - 1], second.finished_at, closed_at),
        )
        seen = look(plan, before, pair, units)
        with self.store.writing(self.clock()) as writer:
            record_look(writer, entry.id, plan, seen)
        return seen

    def _switch(self, entry: Entry, number: int) -> Step:
        arm = entry.proposal.plan.arms[number]
        self._set(entry, f"block-{number}", "block", after=arm == "after")
        due = block_due(entry, done_actions(self.store, entry.id))
        return Step(entry, due, number)


def _length(entry: Entry) -> timedelta:
    return timedelta(seconds=entry.proposal.plan.block_seconds)


def _in_words(entry: Entry, verdict: Verdict, seen: Look) -> str:
    judged, plan = seen.judgement, entry.proposal.plan
    pairs = f"{judged.pairs} pairs, e-value {judged.e_value:.1f}"
    if judged.effect is None:
        return f"{verdict}: no pair of blocks had data on both sides"
    change = metric(plan.metric).show_change(judged.effect)
    return f"{verdict}: {plan.metric} changed by {change} (median of {pairs})"
