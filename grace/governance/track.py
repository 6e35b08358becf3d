"""How the last changes of one kind ended: the engine's record, as far as risk needs it."""

from collections.abc import Iterable

from grace.governance.register import Entry
from grace.governance.risk import Track

__all__ = ["LAST", "track_of"]

LAST = 20


def track_of(entries: Iterable[Entry], lever: str) -> Track:
    """Of the newest 20 changes by this lever that were measured to their end."""
    ended = [
        entry
        for entry in entries
        if entry.proposal.change.lever == lever and entry.state in ("kept", "rolled_back")
    ][-LAST:]
    return Track(ended=len(ended), undone=sum(entry.state == "rolled_back" for entry in ended))
