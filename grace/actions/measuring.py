"""One step of a measurement: close the block that is due, judge, and set the next one or end it.

Every step may be repeated or lost: what was done stands in the log, and the step after a crash
goes on from there. Arms side by side and before/after have steps of their own, in
`grace.actions.comparing` and `grace.actions.following`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.actions.action import Done, done_actions, pending_action
from grace.actions.comparing import Comparing, arms_due
from grace.actions.concluding import Step
from grace.actions.following import Following, days_due
from grace.governance.brakes import held
from grace.governance.register import Entry, move
from grace.measurement.arms import trip_of
from grace.measurement.blocks import Block, Unit, units_in
from grace.measurement.looks import Look, last_look, look, record_look, record_stop
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
    if entry.proposal.plan.design == "before_after":
        return days_due(store, entry, done)
    return block_due(entry, done)


@dataclass(frozen=True)
class Measuring(Comparing, Following):
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
        if entry.proposal.plan.design == "before_after":
            return self._follow(entry, units, closed_at)
        return self._measure(entry, units, closed_at)

    def _leave_unmeasured(self, entry: Entry) -> Entry:
        why = entry.proposal.plan.why
        reason = f"unverified: {why or 'nothing measures its effect'}"
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
        if (stopped := self._stopped(entry, blocks, units, closed_at)) is not None:
            return stopped
        if number == 0 or number % 2:
            return self._switch(entry, number)
        seen = self._look(entry, blocks, units, closed_at)
        if seen.judgement.verdict is not None:
            reason = _in_words(entry, seen.judgement.verdict, seen)
            return Step(self._conclude(entry, seen.judgement.verdict, reason), None, look=seen)
        step = self._switch(entry, number)
        return Step(step.entry, step.next_at, step.block, seen)

    def _stopped(
        self, entry: Entry, blocks: Sequence[Done], units: Sequence[Unit], closed_at: datetime
    ) -> Step | None:
        """The end, where the runs under the change tripped a guardrail: no pair is waited for."""
        plan = entry.proposal.plan
        ended = [*(block.started_at for block in blocks[1:]), closed_at]
        under = [
            Block(number, plan.arms[number], block.finished_at, end)
            for number, (block, end) in enumerate(zip(blocks, ended, strict=False))
            if plan.arms[number] == "after"
        ]
        treated = [unit for block in under for unit in units_in(block, units)]
        if not treated or (stop := trip_of(plan.guardrails, treated)) is None:
            return None
        seen = self._last_pairs(entry)
        if seen is None or seen.stop is None:  # else a crash came behind it
            with self.store.writing(self.clock()) as writer:
                seen = record_stop(writer, entry.id, plan, seen, stop)
        return Step(self._conclude(entry, "regressed", f"regressed: {seen.stop}"), None, look=seen)

    def _last_pairs(self, entry: Entry) -> Look | None:
        seen = last_look(self.store, entry.id, entry.proposal.plan)
        assert seen is None or isinstance(seen, Look)
        return seen

    def _look(
        self, entry: Entry, blocks: Sequence[Done], units: Sequence[Unit], closed_at: datetime
    ) -> Look:
        plan = entry.proposal.plan
        before = self._last_pairs(entry)
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
