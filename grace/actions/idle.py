"""Limits that were put back to *no limit*: a high one stands there until nothing holds a slot.

Taking a limit away under a run that holds a slot leaves that run Running for ever, so undoing sets
one that nobody meets; the sweep takes it away later, once, and says so in the record.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from grace.actions.action import last_action_on
from grace.governance.brakes import active_on
from grace.governance.decisions import Decision, record_decision, was_decided
from grace.governance.register import Entry, list_entries
from grace.store import Store

__all__ = ["LEVER", "put_back_to_none", "record_removed"]

LEVER = "concurrency-limit"
TOLD = {
    "removed": "the high one was taken away, as nothing held a slot",
    "gone": "no high one stands there any more",
}


def put_back_to_none(store: Store) -> Iterator[Entry]:
    """Undone proposals whose limit was not there before, nobody has set since, and still stands."""
    for entry in list_entries(store):
        change = entry.proposal.change
        if entry.state != "rolled_back" or change.lever != LEVER or change.before is not None:
            continue
        last = last_action_on(store, change.target)
        is_last = last is not None and last.action_id.startswith(f"{entry.id}:")
        is_free = active_on(store, change.target) is None
        if is_last and is_free and not was_decided(store, _decision_id(entry)):
            yield entry


def record_removed(
    store: Store, entry: Entry, left: Literal["removed", "gone"], now: datetime
) -> None:
    """As a decision with its event; the second time it adds nothing."""
    target = entry.proposal.change.target
    decision = Decision(
        question="idle limit",
        answer=left,
        reason=f"{target} had no limit before: {TOLD[left]}",
        proposal_id=entry.id,
        content_hash=entry.content_hash,
        decision_id=_decision_id(entry),
    )
    with store.writing(now) as writer:
        record_decision(writer, decision)


def _decision_id(entry: Entry) -> str:
    return f"{entry.id}:idle"
