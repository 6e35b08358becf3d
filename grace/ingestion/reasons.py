"""Why a row from outside cannot be logged: a kind to count by, and words to mend it by."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

__all__ = ["Reason", "ReasonKind", "Wrong", "shown"]

ReasonKind = Literal[
    "type",  # a value is not of its column's type
    "range",  # a number, time or choice lies outside what its column may hold
    "zone",  # a time without zone where none can be assumed
    "nan",  # NaN or infinity where a number is needed
    "json",  # a JSON column holds text that is no JSON
    "text",  # text that is not Unicode: broken UTF-8, half a surrogate pair
    "key",  # a part of the natural key is missing
    "repeat",  # the natural key stood earlier in the same source
    "shape",  # no row at all: another number of cells, broken JSON, no object
    "column",  # a logging call names a column that its table does not have
]
KNOWN_MODULES = {"builtins", "datetime", "decimal", "uuid", "numpy", "pandas", "tasks"}
SHOWN = 60  # characters of a value in a reason; the whole row is kept beside it


class Wrong(ValueError):
    """One value cannot be kept; its column is known to whoever asked."""

    def __init__(self, kind: ReasonKind, text: str) -> None:
        super().__init__(text)
        self.kind: ReasonKind = kind


@dataclass(frozen=True, slots=True)
class Reason:
    kind: ReasonKind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"

    @classmethod
    def parse(cls, text: str) -> "Reason":
        """What `str` of a reason gave; a text of another form is of kind `shape`."""
        kind, mark, rest = text.partition(": ")
        if not mark or kind not in get_args(ReasonKind):
            return cls("shape", text)
        return cls(cast(ReasonKind, kind), rest)


def shown(value: object) -> str:
    """A value as a reason quotes it: short, and in ASCII, so that it can be kept and printed.

    What a caller's own class says of itself is not asked for: it may raise.
    """
    if isinstance(value, list | tuple | dict | set | frozenset):
        return f"a {type(value).__name__} of {len(value)}"
    if type(value).__module__.partition(".")[0] not in KNOWN_MODULES:
        return f"a {type(value).__name__}"
    try:
        text = ascii(value)
    except ValueError:  # an integer of thousands of digits
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
