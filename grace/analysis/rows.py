"""Reading rows for the analysis: newest revisions between two times, each with hour and unit.

A row lies at the time of its table's time column; one without lies where it was recorded. An
erased row has neither payload nor salt and is in no figure any more.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.analysis.rules import Rules
from grace.analysis.tally import Hours
from grace.analysis.tallying import units
from grace.store.hours import HOUR, Span, plain, superseded, within_span
from grace.store.schema import LOGS, LogTable

__all__ = [
    "Topic",
    "is_of_grace",
    "labelled",
    "observe_rows",
    "read_rows",
    "told_in",
]

NOT_STATED = "not stated"
CHUNK = 100_000  # rows in memory at a time, but for a single hour that holds more


@dataclass(frozen=True)
class Topic:
    """One log table's share of the analysis.

    `observe` turns its rows into tallies, whose measures begin with the topic's name and a dot.
    `described` are JSON columns: the first that names a `flow_run` says the unit, those with the
    tag `grace` are Grace's own.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    described: tuple[str, ...]
    observe: Callable[[pd.DataFrame, Rules], Hours]

    @property
    def log(self) -> LogTable:
        return LOGS[self.table]


def observe_rows(connection: Connection, topic: Topic, span: Span, rules: Rules) -> Hours:
    """The tallies of the rows in a span, by hour."""
    rows = read_rows(connection, topic, span)
    return {} if rows.empty else topic.observe(rows, rules)


def read_rows(connection: Connection, topic: Topic, span: Span) -> pd.DataFrame:
    """Columns of the topic, with `at`, `hour`, `unit` and `about` (the JSON columns, parsed)."""
    names = [*topic.columns, *topic.described, "source"]
    table = topic.log.table
    rows = [
        tuple(row)
        for at, within in within_span(topic.log, span)
        for row in connection.execute(
            sa.select(at, *(plain(table.c[name]) for name in names)).where(
                within, ~superseded(topic.log)
            )
        )
    ]
    frame = pd.DataFrame(rows, columns=["at", *names])
    frame["at"] = frame["at"].astype("int64")
    frame["hour"] = frame["at"] // HOUR * HOUR
    frame["about"] = told_in(frame[list(topic.described)])
    frame["unit"] = units(_flow_runs(frame["about"]), frame["hour"])
    return frame.drop(columns=list(topic.described))


def is_of_grace(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Whether Grace wrote a row about itself: it is no row of the governed system."""
    tagged = ["grace" in _tags(about) for about in rows["about"]]
    return rows["source"].eq("grace") | pd.Series(tagged, rows.index, dtype=bool)


def labelled(column: "pd.Series[str]") -> "pd.Series[str]":
    """As parts of a figure: what is null or empty is *not stated*."""
    return column.where(column.notna() & column.ne(""), NOT_STATED)


def first_time(connection: Connection, topic: Topic) -> int | None:
    """The earliest time that a row states."""
    time = plain(topic.log.table.c[topic.log.time])
    found: int | None = connection.execute(sa.select(sa.func.min(time))).scalar_one()
    return found


def told_in(described: pd.DataFrame) -> "pd.Series[Any]":
    """What the JSON columns say together; the earlier ones have the first word."""
    texts = zip(*(described[name] for name in reversed(described.columns)), strict=True)
    found = [_together(row) for row in texts]
    return pd.Series(found, described.index, dtype=object)


def _flow_runs(about: "pd.Series[Any]") -> "pd.Series[str]":
    named = (each.get("flow_run") for each in about)
    found = [name if isinstance(name, str) else None for name in named]
    return pd.Series(found, about.index, dtype=object)


def _together(texts: Iterable[str | None]) -> dict[str, object]:
    found: dict[str, object] = {}
    for text in texts:
        said = _parsed(text) if isinstance(text, str) else None
        if isinstance(said, dict):
            found |= said
    return found


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:  # text from elsewhere that is no JSON names no unit
        return None


def _tags(about: dict[str, object]) -> list[object]:
    tags = about.get("tags")
    return tags if isinstance(tags, list) else []
