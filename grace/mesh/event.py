"""One event of the mesh, as a subscriber gets it."""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from pydantic import JsonValue

__all__ = ["Event", "matches"]


@dataclass(frozen=True)
class Event:
    """`index` is its place in the ledger, `previous` that of the event before it, whatever its
    type, None for the first: whoever has both ends of a stretch can tell that none is missing.
    """

    index: int
    previous: int | None
    id: str
    type: str
    resource: str
    actor: str
    payload: JsonValue
    occurred: datetime


def matches(pattern: str, event_type: str) -> bool:
    """As in *goal.**: a star stands for any text, a question mark for one character."""
    return fnmatchcase(event_type, pattern)
