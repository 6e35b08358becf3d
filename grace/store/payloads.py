"""What a caller gives, as the columns of its log table: named, complete, and judged by kind."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from grace.errors import BadInput
from grace.store.ids import uuid7s
from grace.store.schema import ALIASES, LOGS, LogTable
from grace.values import coerce_column

__all__ = ["NO_ZERO", "log_table", "payload_columns", "zero_in"]

ZERO = "\0"
NO_ZERO = "has U+0000, which PostgreSQL cannot hold in text"

Row = Mapping[str, object]


def log_table(name: str) -> LogTable:
    try:
        return LOGS[name]
    except KeyError:
        raise BadInput(f"there is no log table {name!r}; there are {', '.join(LOGS)}") from None


def payload_columns(
    log: LogTable, rows: Iterable[Row], source: str, now: datetime
) -> list[list[Any]]:
    """The payload columns in schema order, with values as they are stored.

    A missing single key is made, a missing source is `source`. Raises BadInput on an unknown column
    or a wrong value.
    """
    known = frozenset(log.payload)
    named = [row if row.keys() <= known else _renamed(log, row) for row in rows]
    given = {name: [row.get(name) for row in named] for name in log.payload}
    given["source"] = [source if value is None else value for value in given["source"]]
    if len(log.key) == 1:
        given[log.key[0]] = _keyed(given[log.key[0]], now)
    return [_coerced(log, name, column) for name, column in given.items()]


def _renamed(log: LogTable, row: Row) -> Row:
    renamed = {ALIASES.get(name, name): value for name, value in row.items()}
    unknown = renamed.keys() - set(log.payload)
    if unknown:
        raise BadInput(f"{log.name} has no column {', '.join(sorted(unknown))}")
    return renamed


def _keyed(keys: list[object], now: datetime) -> list[object]:
    missing = keys.count(None)
    if not missing:
        return keys
    made = iter(uuid7s(now, missing))
    return [next(made) if key is None else key for key in keys]


def _coerced(log: LogTable, name: str, column: list[object]) -> list[Any]:
    try:
        return coerce_column(log.kinds[name], column)
    except ValueError as problem:
        raise BadInput(f"{log.name}.{name}: {problem}") from None


def zero_in(values: Iterable[object]) -> bool:
    """Whether U+0000 is in any text."""
    return any(isinstance(value, str) and ZERO in value for value in values)
