"""Kept changes that somebody else set back: reported once, and not fought.

Drift while a change is measured ends its measurement (`grace.actions.measuring`); this is for those
that are at rest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from grace.actions.action import last_action_on
from grace.errors import BadInput, Unreachable
from grace.governance.decisions import Decision, record_decision, was_decided
from grace.governance.register import Entry, list_entries
from grace.levers import Lever, is_reversible
from grace.store import Store

__all__ = ["Reverted", "record_reverted", "reverted"]


@dataclass(frozen=True)
class Reverted:
    """A kept change whose target is no longer what it was set to; `told` says what it is now."""

    entry: Entry
    told: str

    @property
    def reason(self) -> str:
        change = self.entry.proposal.change
        told = f"reverted outside: {self.told}, no longer {change.after!r}; it is left so"
        patch = self.entry.proposal.prefect_yaml_patch
        return f"{told}. What makes it last in prefect.yaml:\n{patch}" if patch else told


def reverted(store: Store, lever_of: Callable[[str], Lever]) -> Iterator[Reverted]:
    """Those not reported yet, by reading their targets; one that cannot be reached is no answer."""
    for entry in list_entries(store):
        if entry.state != "kept" or was_decided(store, _decision_id(entry)):
            continue
        change, lever = entry.proposal.change, lever_of(entry.proposal.change.lever)
        last = last_action_on(store, change.target)
        if last is None or not last.action_id.startswith(f"{entry.id}:"):
            continue  # a later proposal moved it on
        if (told := _elsewhere(lever, entry)) is not None:
            yield Reverted(entry, told)


def record_reverted(store: Store, found: Reverted, now: datetime) -> None:
    """As a decision with its event; the second time it adds nothing."""
    decision = Decision(
        question="drift",
        answer="reverted outside",
        reason=found.reason,
        proposal_id=found.entry.id,
        content_hash=found.entry.content_hash,
        decision_id=_decision_id(found.entry),
    )
    with store.writing(now) as writer:
        record_decision(writer, decision)


def _elsewhere(lever: Lever, entry: Entry) -> str | None:
    change = entry.proposal.change
    try:
        if not is_reversible(lever, change.target):
            return None  # what cannot be undone has nothing to be set back to
        observed = lever.read(change.target)
    except Unreachable:
        return None
    except BadInput as gone:
        return str(gone)
    return None if observed == change.after else f"{change.target} is {observed!r}"


def _decision_id(entry: Entry) -> str:
    return f"{entry.id}:reverted"
