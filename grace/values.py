"""The six kinds of value a column holds, and how a value from outside becomes one of them."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

__all__ = ["EPOCH", "Kind", "RawJson", "coerce", "from_microseconds", "microseconds"]

Kind = Literal["text", "integer", "float", "boolean", "time", "json"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
INT64 = range(-(2**63), 2**63)


class RawJson(str):
    """Text that is JSON already: a JSON column keeps it character for character."""

    __slots__ = ()


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970; exact, where `timestamp()` rounds through a float."""
    return (moment - EPOCH) // MICROSECOND


def from_microseconds(count: int) -> datetime:
    return EPOCH + timedelta(microseconds=count)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"expected text, got {type(value).__name__}")


def _integer(value: object) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ValueError(f"expected a whole number, got {value!r}")
    number = int(value.__index__())
    if number not in INT64:
        raise ValueError(f"{number} does not fit 64 bits")
    return number


def _float(value: object) -> float:
    if isinstance(value, bool | str | bytes) or not hasattr(value, "__float__"):
        raise ValueError(f"expected a number, got {value!r}")
    number = float(value.__float__())
    if math.isnan(number):
        raise ValueError("NaN is not a number that can be logged; leave the column out")
    return number + 0.0  # SQLite keeps no sign of zero: -0.0 + 0.0 is 0.0


def _boolean(value: object) -> bool:
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    raise ValueError(f"expected true or false, got {value!r}")


def _time(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise ValueError(f"expected a time, got {value!r}")
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone")
    plain = value.astimezone(UTC)
    return datetime(*plain.timetuple()[:6], plain.microsecond, tzinfo=UTC)


def _json(value: object) -> str:
    if isinstance(value, RawJson):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


COERCE: dict[Kind, Callable[[object], object]] = {
    "text": _text,
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "time": _time,
    "json": _json,
}


def coerce(kind: Kind, value: object) -> object:
    """`value` as the column keeps it, None staying None; ValueError says what was expected."""
    return None if value is None else COERCE[kind](value)
