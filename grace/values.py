"""The six kinds of value a column holds, and how a value from outside becomes one of them."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

__all__ = [
    "EPOCH",
    "Kind",
    "RawJson",
    "coerce",
    "coerce_column",
    "from_microseconds",
    "microseconds",
]

Kind = Literal["text", "integer", "float", "boolean", "time", "json"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
INT64 = range(-(2**63), 2**63)
NONE = type(None)


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
    return _dumps(value)


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


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


def coerce_column(kind: Kind, column: list[Any]) -> list[Any]:
    """`coerce` of every cell, with times as whole microseconds since 1970, as they are stored.

    Where all cells are of the type that their column keeps, as nearly always, they are judged
    together, which is ten times as fast.
    """
    types = set(map(type, column))
    if types <= {NONE}:
        return column
    plain, read = PLAIN.get(kind, (NONE, None))
    kept = read(column) if read is not None and types <= {plain, NONE} else None
    if kept is not None:
        return kept
    coerced = [coerce(kind, value) for value in column]
    return _counts(coerced) if kind == "time" else coerced


def _same(column: list[Any]) -> list[Any]:
    return column


def _integers(column: list[Any]) -> list[Any] | None:
    numbers = [number for number in column if number is not None]
    return column if min(numbers) in INT64 and max(numbers) in INT64 else None


def _floats(column: list[Any]) -> list[Any] | None:
    """None also for infinities of both signs, which are looked at one by one then."""
    if math.isnan(sum(number for number in column if number is not None)):
        return None
    return [None if number is None else number + 0.0 for number in column]


def _times(column: list[Any]) -> list[Any] | None:
    in_utc = all(moment is None or moment.tzinfo is UTC for moment in column)
    return _counts(column) if in_utc else None


def _counts(column: list[Any]) -> list[Any]:
    return [None if moment is None else (moment - EPOCH) // MICROSECOND for moment in column]


# the type of a cell that is as its column keeps it, and the column of such cells as it is stored:
# None where it is not that simple
PLAIN: dict[Kind, tuple[type, Callable[[list[Any]], list[Any] | None]]] = {
    "text": (str, _same),
    "integer": (int, _integers),
    "float": (float, _floats),
    "boolean": (bool, _same),
    "time": (datetime, _times),
}
