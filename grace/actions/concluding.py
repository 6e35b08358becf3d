"""How a measurement ends, whatever its design: kept, undone, or left to whoever moved it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from grace.actions.action import Action, Clock, Done, Purpose, carry_out
from grace.actions.undoing import undo
from grace.governance.policy import Policy
from grace.governance.register import Entry, find, move
from grace.levers import Lever
from grace.measurement.looks import AnyLook
from grace.states import Verdict
from grace.store import Store

__all__ = ["Concluding", "Step"]


@dataclass(frozen=True)
class Step:
    """Where the measurement stands; `next_at` is when the next step is due, None at the end."""

    entry: Entry
    next_at: datetime | None
    block: int | None = None
    look: AnyLook | None = None


@dataclass(frozen=True)
class Concluding:
    """The parts a step needs; take it in the target's `turn`."""

    store: Store
    lever: Lever
    policy: Policy
    clock: Clock
    run_id: str | None = None

    def _conclude(self, entry: Entry, verdict: Verdict, reason: str) -> Entry:
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
        self._set_to(entry, name, purpose, change.after if after else change.before)

    def _set_to(self, entry: Entry, name: str, purpose: Purpose, value: JsonValue) -> None:
        change = entry.proposal.change
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
