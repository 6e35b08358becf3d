"""An outside row as a row of its log table, or the reason why it cannot be one.

Column names are taken in any case, aliases too; what no column is called is kept in `extra`. One
function judges every row that comes from outside: from files, from databases, from logging calls,
and from the quarantine when it is tried again.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from grace.errors import BadInput
from grace.ingestion.loose_values import check_json, check_text, dump, loose_value
from grace.ingestion.ranges import check_range
from grace.ingestion.reasons import Reason, Wrong, shown
from grace.store.append import log_table
from grace.store.schema import ALIASES, LOGS, LogTable
from grace.values import Kind, coerce

__all__ = [
    "INGESTIBLE",
    "Manner",
    "Texts",
    "ingestible",
    "knows",
    "lacks_key",
    "read_row",
    "time_zone",
]

Texts = Literal["json", "typed", "call"]

# Grace's own records are written by Grace alone
GOVERNANCE = {"proposals", "decisions", "actions", "verdicts", "erasures"}
INGESTIBLE = tuple(name for name in LOGS if name not in GOVERNANCE)

# what Grace adds to each row; a row with all of the first came from a log of Grace
IDENTITY = {"id", "revision", "recorded_at", "ledger_index"}
NOT_TAKEN = IDENTITY | {"salt"}


@dataclass(frozen=True, slots=True)
class Manner:
    """How rows of a source are to be read.

    `texts` says what text in a JSON column is: `json` where all values are text (CSV, SQL, Parquet:
    it must be JSON and is kept as it stands), `typed` where values have types (JSON files: text
    that is no JSON is a string), `call` for Python values of a logging call, which are also not
    converted. `timezone` names the zone of times without one; None refuses them.
    """

    texts: Texts = "json"
    timezone: str | None = "UTC"

    @property
    def zone(self) -> tzinfo | None:
        return None if self.timezone is None else time_zone(self.timezone)


@lru_cache(maxsize=16)
def time_zone(name: str) -> tzinfo:
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise BadInput(f"there is no time zone {name!r}; try Europe/Berlin or UTC") from None


def ingestible(name: str) -> LogTable:
    """The log table that others may fill; raises BadInput."""
    if name not in INGESTIBLE:
        own = "is written by Grace alone" if name in GOVERNANCE else "is no log table"
        raise BadInput(f"{name!r} {own}; rows can go to {', '.join(INGESTIBLE)}")
    return log_table(name)


def read_row(
    log: LogTable, given: Mapping[str, object], manner: Manner
) -> dict[str, object] | Reason:
    """The row as `Writer.append` takes it, or the first reason against it.

    A single natural key that is missing stays missing: the caller makes one.
    """
    row: dict[str, object] = {}
    unknown: dict[str, object] = {}
    own = manner.texts != "call" and given.keys() >= IDENTITY
    table, kinds, texts = log.name, log.kinds, manner.texts
    zone, column = manner.zone, "row"
    try:
        for name, value in given.items():
            if value is None or (own and name in NOT_TAKEN):
                continue
            found = _column(table, name)
            if found is None or _taken(found, name, given, row):
                unknown[name] = value
                continue
            column = found
            kept = _value(kinds[found], value, texts, zone)
            if kept is not None:
                row[found] = check_range(found, kept)
        column = "row"
        return _complete(log, row, unknown, manner.texts)
    except Wrong as wrong:
        return Reason(wrong.kind, f"{column}: {wrong}")


def lacks_key(log: LogTable, given: Mapping[str, object]) -> bool:
    """Whether the single natural key is missing or empty."""
    if len(log.key) > 1:
        return False
    named = (value for name, value in given.items() if _column(log.name, name) == log.key[0])
    return all(value is None or value == "" for value in named)


def knows(table: str, name: str) -> bool:
    """Whether a name from outside is one of the table's columns."""
    return _column(table, name) is not None


@lru_cache(maxsize=4096)
def _column(table: str, name: object) -> str | None:
    """The payload column that a name from outside means."""
    if not isinstance(name, str):
        return None
    payload = LOGS[table].payload
    if name in payload:
        return name
    plain = name.strip().lower()
    plain = ALIASES.get(plain, plain)
    return plain if plain in payload else None


def _taken(column: str, name: str, given: Mapping[str, object], row: Mapping[str, object]) -> bool:
    """Whether another name of the same row means this column, and better."""
    return column != name and (given.get(column) is not None or column in row)


def _value(kind: Kind, value: object, texts: Texts, zone: tzinfo | None) -> object:
    if texts == "call":
        return _strict(kind, value)
    if kind != "json":
        return loose_value(kind, value, zone)
    if not isinstance(value, str):
        return dump(value)
    if not value.strip() and texts == "json":
        return None
    try:
        return check_json(value)
    except Wrong as wrong:
        if texts == "json" or wrong.kind != "json":
            raise
        return dump(value)


def _strict(kind: Kind, value: object) -> object:
    """A Python value as it is, never converted."""
    if kind == "json":
        return dump(value)
    if isinstance(value, str) and kind == "text":
        return check_text(value)
    try:
        if kind == "time":
            return loose_value(kind, value, None) if not isinstance(value, str) else _no_time(value)
        kept = coerce(kind, value)
    except Wrong:
        raise
    except (ValueError, TypeError, OverflowError) as problem:
        raise Wrong("nan" if "NaN" in str(problem) else "type", str(problem)) from None
    if isinstance(kept, float) and not math.isfinite(kept):
        raise Wrong("nan", f"{kept} is no number; leave the column out")
    return kept


def _no_time(value: str) -> object:
    raise Wrong("type", f"expected a time, got {shown(value)}")


def _complete(
    log: LogTable, row: dict[str, object], unknown: dict[str, object], texts: Texts
) -> dict[str, object]:
    for key in log.key:
        if row.get(key) == "":
            del row[key]
    if not row and not unknown and texts != "call":
        raise Wrong("shape", "it holds no value")
    missing = [key for key in log.key if key not in row]
    if missing and len(log.key) > 1:
        raise Wrong("key", f"{' and '.join(missing)} of the natural key is missing")
    if unknown and texts == "call":
        named = ", ".join(sorted(map(str, unknown)))
        raise Wrong("column", f"{log.name} has no column {named}")
    if unknown:
        row["extra"] = _extra(row.get("extra"), unknown)
    return row


def _extra(given: object, unknown: dict[str, object]) -> object:
    """The columns that the table does not know, beside what the row says itself is extra."""
    kept: dict[str, object] = {}
    if given is not None:
        try:
            parsed = json.loads(str(given))
        except (ValueError, RecursionError):  # JSON, but too deep or too long a number for Python
            parsed = str(given)
        kept = parsed if isinstance(parsed, dict) else {"extra": parsed}
    return dump(kept | {name: _finite(value) for name, value in unknown.items()})


def _finite(value: object) -> object:
    """NaN in a column that nobody knows is kept as its name: JSON has no such number."""
    if isinstance(value, str):
        return check_text(value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
