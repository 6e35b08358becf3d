"""One step of a measurement: close the block that is due, judge, and set the next one or end it.

Every step may be repeated or lost: what was done stands in the log, and the step after a crash
goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.actions.action import (
    Action,
    Clock,
    Done,
    Purpose,
    carry_out,
    done_actions,
    pending_action,
)
from grace.actions.undoing import undo
from grace.governance.brakes import held
from grace.governance.policy import Policy
from grace.governance.register import Entry, find, move
from grace.levers import Lever
from grace.measurement.blocks import Block, Unit
from grace.measurement.looks import Look, last_look, look, record_look
from grace.measurement.metrics import metric
from grace.states import Verdict
from grace.store import Store

__all__ = ["Measuring", "Step", "block_due"]


@dataclass(frozen=True)
class Step:
    """Where the measurement stands; `next_at` is when the running block is due, None at the end."""

    entry: Entry
    next_at: datetime | None
    block: int | None = None
    look: Look | None = None


def block_due(entry: Entry, done: Sequence[Done]) -> datetime | None:
    """When the running block ends, None before the first."""
    blocks = [action for action in done if action.purpose == "block"]
    return blocks[-1].finished_at + _length(entry) if blocks else None


@dataclass(frozen=True)
class Measuring:
    """The parts a step needs; take it in the target's `turn`."""

    store: Store
    lever: Lever
    policy: Policy
    clock: Clock
    run_id: str | None = None

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
            return Step(self._conclude(entry, seen.judgement.verdict, seen), None, look=seen)
        step = self._switch(entry, number)
        return Step(step.entry, step.next_at, step.block, seen)

    def _look(
        self, entry: Entry, blocks: Sequence[Done], units: Sequence[Unit], closed_at: datetime
    ) -> Look:
        plan = entry.proposal.plan
        before = last_look(self.store, entry.id, plan)
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

    def _conclude(self, entry: Entry, verdict: Verdict, seen: Look) -> Entry:
        reason = _in_words(entry, verdict, seen)
        if self._is_undone(entry, verdict):
            return self._undo(entry, reason, verdict)
        self._set(entry, "keep", "keep", after=True)
        with self.store.writing(self.clock()) as writer:
            return move(writer, entry, "kept", reason=reason, verdict=verdict)

    def _is_undone(self, entry: Entry, verdict: Verdict) -> bool:
        """A change that was not seen to help or harm stays, unless its risk is high."""
        if verdict == "no_effect":
            return entry.proposal.plan.on_no_effect == "undo"
        if verdict == "insufficient_data":
            return entry.proposal.risk.tier == "high"
        return verdict == "regressed"

    def _undo(self, entry: Entry, reason: str, verdict: Verdict | None) -> Entry:
        return undo(
            self.store,
            self.lever,
            entry,
            self.policy,
            self.clock,
            reason=reason,
            verdict=verdict,
            run_id=self.run_id,
        )

    def _set(self, entry: Entry, name: str, purpose: Purpose, *, after: bool) -> None:
        change = entry.proposal.change
        value = change.after if after else change.before
        step = change.model_copy(update={"before": self.lever.read(change.target), "after": value})
        carry_out(
            self.store, self.lever, Action(entry.id, name, purpose, step, self.run_id), self.clock
        )

    def _drift(self, entry: Entry, done: Sequence[Done]) -> str | None:
        change = entry.proposal.change
        expected = done[-1].value if done else change.after
        observed = self.lever.read(change.target)
        if observed == expected:
            return None
        return (
            f"reverted outside: somebody else set {change.target} to {observed!r} while it was "
            "measured; it is left so"
        )

    def _leave(self, entry: Entry, reason: str) -> Entry:
        with self.store.writing(self.clock()) as writer:
            entry = find(self.store, entry.id)
            return move(writer, entry, "kept", reason=reason, verdict="insufficient_data")


def _length(entry: Entry) -> timedelta:
    return timedelta(seconds=entry.proposal.plan.block_seconds)


def _in_words(entry: Entry, verdict: Verdict, seen: Look) -> str:
    judged, plan = seen.judgement, entry.proposal.plan
    pairs = f"{judged.pairs} pairs, e-value {judged.e_value:.1f}"
    if judged.effect is None:
        return f"{verdict}: no pair of blocks had data on both sides"
    change = metric(plan.metric).show_change(judged.effect)
    return f"{verdict}: {plan.metric} changed by {change} (median of {pairs})"
