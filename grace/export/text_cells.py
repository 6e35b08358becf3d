"""Values as text, for CSV and JSON, and back: lossless for every value that a column can hold.

A time comes and goes as whole microseconds since 1970, a salt as bytes. Times are written in RFC
3339 in UTC with six decimals, salts in hex, numbers as Python's `repr` gives them, which reads back
to the bit. In CSV a null is `\\N`; a text that begins with a backslash or holds U+0000, which many
readers of CSV cannot, is `\\J` and the text as a JSON string. In JSON, a number that is not finite
is a string, and a JSON column is the text that was logged.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from grace.export.frame import columns
from grace.ledger.entry import timestamp
from grace.store.schema import LogTable
from grace.values import from_microseconds, microseconds

__all__ = ["NULL", "from_csv", "from_json", "kinds", "to_csv", "to_json"]

NULL = "\\N"
SPELLED = "\\J"
JsonValue = str | int | float | bool | None
INFINITE = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}


def kinds(log: LogTable) -> list[str]:
    """The kind of every exported column; the salt's is a kind of its own."""
    return [*(log.kinds[name] for name in columns(log)[:-2]), "integer", "salt"]


def to_csv(kind: str) -> Callable[[Any], str]:
    write = CSV_OUT[kind]
    return lambda value: NULL if value is None else write(value)


def from_csv(kind: str) -> Callable[[str], Any]:
    """ValueError where the text is none that `to_csv` gives."""
    read = CSV_IN[kind]
    return lambda text: None if text == NULL else read(text)


def to_json(kind: str) -> Callable[[Any], JsonValue]:
    write = JSON_OUT.get(kind)
    if write is None:
        return lambda value: value
    return lambda value: None if value is None else write(value)


def from_json(kind: str) -> Callable[[Any], Any]:
    """ValueError where the value is none that `to_json` gives."""
    read = JSON_IN[kind]
    return lambda value: None if value is None else read(value)


def _csv_text(value: str) -> str:
    return SPELLED + json.dumps(value) if value.startswith("\\") or "\0" in value else value


def _from_csv_text(text: str) -> str:
    if not text.startswith("\\"):
        return text
    if not text.startswith(SPELLED):
        raise ValueError(f"{text[:20]!r} begins with a backslash and is no \\N and no \\J")
    return str(_is(str, json.loads(text.removeprefix(SPELLED))))


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def _time(count: int) -> str:
    return timestamp(from_microseconds(count))


def _from_time(text: str) -> int:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None or timestamp(found) != text:
        raise ValueError(f"{text!r} is no time in UTC with six decimals")
    return microseconds(found)


def _integer(text: str) -> int:
    number = int(text)
    if str(number) != text:
        raise ValueError(f"{text!r} is not how a whole number is written")
    return number


def _float(value: float) -> float | str:
    return value if value - value == 0 else repr(value)


def _from_float(value: Any) -> float:
    if isinstance(value, str):
        if value not in INFINITE:
            raise ValueError(f"{value!r} is no number")
        return INFINITE[value]
    return _is(float, value)  # type: ignore[no-any-return]


def _is(wanted: type, value: Any) -> Any:
    if type(value) is not wanted:
        raise ValueError(f"expected {wanted.__name__}, got {type(value).__name__}")
    return value


CSV_OUT: dict[str, Callable[[Any], str]] = {
    "text": _csv_text,
    "json": _csv_text,
    "integer": str,
    "float": repr,
    "boolean": lambda value: "true" if value else "false",
    "time": _time,
    "salt": bytes.hex,
}
CSV_IN: dict[str, Callable[[str], Any]] = {
    "text": _from_csv_text,
    "json": _from_csv_text,
    "integer": _integer,
    "float": float,
    "boolean": _boolean,
    "time": _from_time,
    "salt": bytes.fromhex,
}
JSON_OUT: dict[str, Callable[[Any], JsonValue]] = {
    "float": _float,
    "time": _time,
    "salt": bytes.hex,
}
JSON_IN: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: _is(str, value),
    "json": lambda value: _is(str, value),
    "integer": lambda value: _is(int, value),
    "float": _from_float,
    "boolean": lambda value: _is(bool, value),
    "time": lambda value: _from_time(_is(str, value)),
    "salt": lambda value: bytes.fromhex(_is(str, value)),
}
