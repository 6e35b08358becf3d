"""One row as it was met outside, and the text by which it is kept when it cannot land.

The text is one JSON object: the row, or the line that is no row, and how it was to be read, so that
it can be tried again without its source.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from grace.ingestion.loose import Manner
from grace.ingestion.reasons import Reason, shown

__all__ = ["KeptRow", "OutsideRow", "content_digest", "content_key", "kept_row", "kept_text"]

Content = Mapping[str, object] | str


@dataclass(frozen=True, slots=True)
class OutsideRow:
    """`content` is the columns by name, or a line that could not be read: then `trouble` says why.

    `position` is its place in the source as a person finds it: `line 17`, `row 3`.
    """

    table: str
    position: str
    content: Content
    trouble: Reason | None = None


@dataclass(frozen=True)
class KeptRow:
    """A row out of the quarantine. `label` is what its `source` column says when it lands."""

    content: Content
    manner: Manner
    label: str
    key: str | None


def kept_text(content: Content, manner: Manner, label: str, key: str | None = None) -> str:
    """`key` is the natural key the row gets, where it has none itself."""
    held = {"line": content} if isinstance(content, str) else {"row": _plain_row(content)}
    return _dumps(held | {"manner": asdict(manner), "label": label, "key": key})


def kept_row(text: str) -> KeptRow:
    held = json.loads(text)
    content = held["line"] if "line" in held else held["row"]
    return KeptRow(content, Manner(**held["manner"]), held["label"], held["key"])


def content_digest(content: Content) -> str:
    """SHA-256 of what is in the row, in whatever order; columns without a value say nothing."""
    if isinstance(content, str):
        return hashlib.sha256(_dumps(content).encode()).hexdigest()
    said = {name: value for name, value in content.items() if value is not None}
    return hashlib.sha256(_dumps(_plain_row(said)).encode()).hexdigest()


def content_key(table: str, digest: str, occurrence: int) -> str:
    """The natural key of a row that has none: the same again for the same row of the same source.

    `occurrence` counts the rows of this content within the source, from 1.
    """
    named = f"{table}\n{digest}\n{occurrence}"
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def _dumps(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _plain_row(row: Mapping[str, object]) -> dict[str, object]:
    """Only a logging call can give what is nested without end: that much is then not kept."""
    plain: dict[str, object] = {}
    for name, value in row.items():
        try:
            plain[_name(name)] = _plain(value)
        except RecursionError:
            plain[_name(name)] = {"shown": shown(value)}
    return plain


def _plain(value: object) -> object:
    """What JSON can hold; a value it cannot is shown, and will not pass for what it was not."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) < 10**4000 else shown(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {_name(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
        case date():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return {"bytes": bytes(value).hex()}
    return {"shown": shown(value)}


def _name(name: object) -> str:
    return name if isinstance(name, str) else shown(name)
