"""A request in Cedar's terms.

Cedar has 64-bit integers and decimals of four places, and no absent value; so every JSON value
becomes a record that says of what kind it is, and a number is rounded outwards to both types.
"""

import json
import math
from datetime import UTC
from fractions import Fraction

from pydantic import JsonValue

from grace.governance.request import Deed, Request

__all__ = ["engine_terms"]

LARGEST = 2**63 - 1
PLACES = 10_000


def engine_terms(request: Request) -> tuple[dict[str, object], str]:
    """The request and the one entity it is about, as Cedar takes them.

    Raises ValueError, OverflowError or RecursionError for what no JSON text can hold: NaN, a half
    of a surrogate pair, a number of thousands of digits.
    """
    kind, colon, name = request.target.partition(":")
    resource = {"type": "Target", "id": request.target}
    attributes = {"kind": kind, "name": name} if colon else {"kind": "", "name": kind}
    terms: dict[str, object] = {
        "principal": {"type": request.who, "id": request.name},
        "action": {"type": "Action", "id": request.action},
        "resource": resource,
        "context": _text(_context(request)),
    }
    return terms, _text([{"uid": resource, "attrs": attributes, "parents": []}])


def _context(request: Request) -> dict[str, object]:
    at = request.at.astimezone(UTC)
    now = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    common = {
        "proposed_by": request.name,
        "now": _extension("datetime", now),
        "weekday": at.isoweekday(),
        "hour": at.hour,
    }
    return common | dict(request.truths) | (_deed(request.deed) if request.deed else {})


def _deed(deed: Deed) -> dict[str, object]:
    change, risk = deed.change, deed.risk
    told: dict[str, object] = {
        "kind": deed.kind,
        "lever": change.lever,
        "before": _value(change.before),
        "after": _value(change.after),
        "tier": risk.tier,
        "risk": _decimal(math.ceil(Fraction(repr(risk.score)) * PLACES)),
        "reversible": risk.reversible,
    }
    before, after = _number(change.before), _number(change.after)
    if before is not None and after is not None:
        told["times"] = _times(before, after)
    return told


def _value(value: JsonValue) -> dict[str, object]:
    told: dict[str, object] = {"kind": _kind(value), "json": _text(value)}
    if isinstance(value, str):
        told["text"] = value
    if (number := _number(value)) is not None:
        told["number"] = {
            "floor": _long(math.floor(number)),
            "ceiling": _long(math.ceil(number)),
            "low": _decimal(math.floor(number * PLACES)),
            "high": _decimal(math.ceil(number * PLACES)),
        }
    return told


def _kind(value: JsonValue) -> str:
    match value:
        case None:
            return "absent"
        case bool():
            return "truth"
        case int() | float():
            return "number"
        case str():
            return "text"
    return "list" if isinstance(value, list) else "object"


def _number(value: JsonValue) -> Fraction | None:
    """Exactly what the number says when it is written down: 0.1 is a tenth."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def _times(before: Fraction, after: Fraction) -> object:
    """How many times larger, leaving signs aside; from nothing to something is the most."""
    if before:
        return _decimal(math.ceil(abs(after / before) * PLACES))
    return _decimal(LARGEST if after else PLACES)


def _long(number: int) -> int:
    return max(-LARGEST, min(number, LARGEST))


def _decimal(ten_thousandths: int) -> object:
    """A decimal of Cedar's, which is a 64-bit count of ten-thousandths."""
    whole, rest = divmod(abs(_long(ten_thousandths)), PLACES)
    sign = "-" if ten_thousandths < 0 else ""
    return _extension("decimal", f"{sign}{whole}.{rest:04d}")


def _extension(function: str, argument: str) -> object:
    return {"__extn": {"fn": function, "arg": argument}}


def _text(value: object) -> str:
    """Compact JSON with sorted keys; raises ValueError where the text could not be encoded."""
    said = json.dumps(
        value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    said.encode()
    return said
