"""Whether a target may be proposed now: open ones, resting ones, and the cap come first."""

from collections.abc import Collection, Sequence
from datetime import datetime

from grace.governance.policy import Policy
from grace.governance.register import Entry
from grace.opportunities.finding import Standing

__all__ = ["RESTING", "standing_of"]

RESTING = frozenset({"rejected", "forbidden", "rolled_back", "failed", "rollback_failed"})

# kinds that turn the same limit the same way: a no to the one is a no to the other
ALIKE = frozenset({"reduce_wait_time", "reduce_execution_time"})

# from then on the engine and the measurement go round in circles, and a person must look
UNDONE_OFTEN = 2
INCONCLUSIVE_OFTEN = 3


def standing_of(
    entries: Sequence[Entry], kind: str, target: str, policy: Policy, now: datetime
) -> tuple[Standing, str] | None:
    """What stands against a new proposal for a target, with the reason; None if nothing does."""
    ours = [entry for entry in entries if entry.proposal.change.target == target]
    for entry in ours:
        if entry.is_open:
            return "open", f"proposal {entry.id[-12:]} for it is {entry.state}"
    kinds = ALIKE if kind in ALIKE else {kind}
    for entry in reversed(ours):
        rests = entry.changed_at + policy.rest
        if entry.proposal.kind in kinds and entry.state in RESTING and now < rests:
            why = f": {entry.reason}" if entry.reason else ""
            return (
                "resting",
                f"{entry.state} on {entry.changed_at:%Y-%m-%d}{why}; rests until {rests:%Y-%m-%d}",
            )
    undone = [e for e in ours if e.proposal.kind in kinds and e.state == "rolled_back"]
    if len(undone) >= UNDONE_OFTEN:
        why = f"it was undone {len(undone)} times; a person may propose it again by hand"
        return "held back", why
    if (inconclusive := _inconclusive(ours, kinds)) >= INCONCLUSIVE_OFTEN:
        why = f"{inconclusive} changes of it came to no verdict; a person may propose it by hand"
        return "held back", why
    waiting = sum(entry.is_open and entry.proposal.by_engine for entry in entries)
    if waiting >= policy.open_proposals:
        return "held back", f"{waiting} proposals are open already, which is the most allowed"
    return None


def _inconclusive(ours: Sequence[Entry], kinds: Collection[str]) -> int:
    """How many changes ended without enough data since one improved, or a person made one.

    One that had no effect is no success either, and does not begin the count anew.
    """
    count = 0
    for entry in reversed(ours):
        if entry.verdict == "improved" or entry.proposal.kind == "by_hand":
            break
        count += entry.proposal.kind in kinds and entry.verdict == "insufficient_data"
    return count
