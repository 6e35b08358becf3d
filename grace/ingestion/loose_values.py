"""A value as files and databases hold it, as the value its column keeps.

Numbers may be text, truths 0 and 1, times ISO 8601 text without zone. Nothing is guessed: what has
two readings, or none, raises Wrong.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from uuid import UUID

from grace.ingestion.reasons import Wrong, shown
from grace.values import INT64, Kind, RawJson, coerce

__all__ = ["check_json", "check_text", "dump", "loose_value", "parse_time"]

WHOLE = re.compile(r"[+-]?\d{1,25}(?:\.0*)?", re.ASCII).fullmatch
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
NO_NUMBER = {"nan", "inf", "infinity"}
TRUTHS = {
    **dict.fromkeys(("true", "t", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "0", "0.0"), False),
}
EXACT = 2**53  # up to here a float that is whole is surely the number that was meant


def loose_value(kind: Kind, value: object, zone: tzinfo | None) -> object:
    """The value for a column of `kind`, or None for one that says nothing (empty text, NaT).

    JSON is not read here: `check_json` and `dump` are. Raises Wrong.
    """
    if kind != "text" and isinstance(value, str):
        value = value.strip()
        if not value:
            return None
    if kind == "time":
        return parse_time(value, zone)
    try:
        return READERS[kind](value)
    except OverflowError:
        raise Wrong("range", f"{shown(value)} is too large") from None


def check_text(text: str) -> str:
    """Text that UTF-8 can hold; half a surrogate pair stands for a byte that was none."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Wrong("text", f"{shown(text)} is not valid Unicode") from None
    return str(text)


def _text(value: object) -> str:
    """Numbers are taken for names, as in the keys of older databases."""
    if isinstance(value, str):
        return check_text(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Wrong("nan", f"{value} stands where text is expected; leave it empty")
        return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)
    if isinstance(value, int | Decimal | UUID) and not isinstance(value, bool):
        return str(value)
    raise Wrong("type", f"expected text, got {shown(value)}")


def _integer(value: object) -> object:
    if isinstance(value, str):
        _finite_text(value)
        if not WHOLE(value):
            raise Wrong("type", f"expected a whole number, got {shown(value)}")
        number: object = int(value.partition(".")[0])
    elif isinstance(value, float | Decimal):
        _finite(value)
        if not -EXACT * EXACT < value < EXACT * EXACT:  # before a million digits are made of it
            raise Wrong("range", f"{shown(value)} does not fit 64 bits")
        number = int(value) if value == int(value) else value
    else:
        number = value
    if type(number) is int and number not in INT64:
        raise Wrong("range", f"{shown(value)} does not fit 64 bits")
    return _coerced("integer", number, "a whole number")


def _float(value: object) -> object:
    if isinstance(value, str):
        _finite_text(value)
        if not NUMBER(value):
            raise Wrong("type", f"expected a number, got {shown(value)}")
        value = float(value)
        if math.isinf(value):
            raise Wrong("range", "the number is too large")
        return value + 0.0
    _finite(value)
    return _coerced("float", value, "a number")


def _boolean(value: object) -> object:
    _finite(value)
    if isinstance(value, str):
        found = TRUTHS.get(value.lower())
    elif isinstance(value, int | float | Decimal) and value in (0, 1):
        found = bool(value)
    else:
        return _coerced("boolean", value, "true or false")
    if found is None:
        raise Wrong("type", f"expected true or false, got {shown(value)}")
    return found


READERS: dict[Kind, Callable[[object], object]] = {
    "text": _text,
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
}


def _coerced(kind: Kind, value: object, expected: str) -> object:
    try:
        return coerce(kind, value)
    except (ValueError, TypeError):
        raise Wrong("type", f"expected {expected}, got {shown(value)}") from None


def _finite_text(value: str) -> None:
    if value.lower().lstrip("+-") in NO_NUMBER:
        raise Wrong("nan", f"{value} is no number; leave it empty")


def _finite(value: object) -> None:
    if isinstance(value, Decimal) and not value.is_finite():
        value = float("nan")
    if isinstance(value, float) and not math.isfinite(value):
        raise Wrong("nan", f"{value} is no number; leave it empty")


def parse_time(value: object, zone: tzinfo | None) -> datetime | None:
    """An aware time; one without zone is taken to be in `zone`, and refused where there is none."""
    moment = value
    if isinstance(value, str):
        moment = _iso(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the zone follows
    if not isinstance(moment, datetime):
        raise Wrong("type", f"expected a time in ISO 8601, got {shown(value)}")
    if moment != moment:  # pandas' missing time is a datetime too
        return None
    try:
        aware = moment if moment.tzinfo is not None else _placed(moment, zone)
        return coerce("time", aware)  # type: ignore[return-value]
    except OverflowError:
        raise Wrong("range", f"{shown(value)} lies outside the years 1 to 9999") from None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{text[:-4]}+00:00" if text.endswith(" UTC") else text)
    except ValueError:
        return None


def _placed(moment: datetime, zone: tzinfo | None) -> datetime:
    if zone is None:
        raise Wrong("zone", f"{moment.isoformat()} has no time zone")
    placed = moment.replace(tzinfo=zone, fold=0)
    if zone is UTC or placed.utcoffset() == placed.replace(fold=1).utcoffset():
        return placed
    exists = placed.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == moment
    trouble = "comes twice" if exists else "does not exist"
    raise Wrong("zone", f"{moment.isoformat()} {trouble} in {zone}; give it an offset")


def check_json(text: str) -> RawJson:
    """Text that is JSON (RFC 8259) already, kept as it stands."""
    check_text(text)
    try:
        # numbers stay text: they are only looked at, and may have thousands of digits
        json.loads(text, parse_constant=_no_constant, parse_int=str, parse_float=str)
    except ValueError as problem:
        said = f" ({problem})" if not isinstance(problem, Wrong) else ""
        raise Wrong("json", f"expected JSON, got {shown(text)}{said}") from None
    except RecursionError:
        raise Wrong("json", "the JSON is nested too deeply") from None
    return RawJson(text)


def _no_constant(name: str) -> object:
    raise Wrong("json", name)


def dump(value: object) -> RawJson:
    """A value as JSON text; times become ISO 8601, decimals and identifiers their digits."""
    try:
        text = _dumps(value, ensure_ascii=False)
        if not text.isascii():
            text = _encodable(text, value)
    except ValueError:
        raise Wrong("json", f"NaN, infinity or a circle within {shown(value)}") from None
    except TypeError:
        raise Wrong("json", f"{shown(value)} has no form in JSON") from None
    except RecursionError:
        raise Wrong("json", "the value is nested too deeply") from None
    return RawJson(text)


def _encodable(text: str, value: object) -> str:
    """Half a surrogate pair, which JSON can hold, stays the escape it came as."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _dumps(value, ensure_ascii=True)
    return text


def _dumps(value: object, *, ensure_ascii: bool) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        allow_nan=False,
        separators=(",", ":"),
        sort_keys=True,
        default=_plain,
    )


def _plain(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
    raise TypeError(type(value).__name__)
