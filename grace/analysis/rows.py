"""Reading rows for the analysis: newest revisions between two times, each with hour and unit.

A row lies at the time of its table's time column; one without lies where it was recorded. An
erased row has neither payload nor salt and is in no figure any more.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.analysis.rules import Rules
from grace.analysis.tally import Hours
from grace.analysis.tallying import units
from grace.store.schema import LOGS, LogTable
from grace.store.types import UtcTime

__all__ = [
    "HOUR",
    "Span",
    "Topic",
    "count_by_hour",
    "is_of_grace",
    "labelled",
    "moment_of",
    "observe_rows",
    "read_rows",
    "told_in",
    "touched",
]

Span: TypeAlias = tuple[int, int]  # from, and up to but without, in microseconds since 1970

HOUR = 3_600_000_000  # microseconds
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
        for at, within in _within(topic.log, span)
        for row in connection.execute(
            sa.select(at, *(_plain(table.c[name]) for name in names)).where(
                within, ~_superseded(topic.log)
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


def touched(connection: Connection, topic: Topic, first: int, size: int) -> set[int]:
    """The hours that rows of ledger index first..size (last excluded) lie in, or lay in before."""
    log, new, old = topic.log, topic.log.table, topic.log.table.alias("old")
    is_new = sa.and_(new.c.ledger_index >= first, new.c.ledger_index < size)
    same_key = [new.c[name] == old.c[name] for name in log.key]
    before = new.join(old, sa.and_(*same_key, old.c.revision < new.c.revision))
    queries = (
        sa.select(_hour(moment_of(log, new))).where(is_new).distinct(),
        sa.select(_hour(moment_of(log, old))).select_from(before).where(is_new, new.c.revision > 1),
    )
    return {int(hour) for query in queries for (hour,) in connection.execute(query)}


def first_time(connection: Connection, topic: Topic) -> int | None:
    """The earliest time that a row states."""
    time = _plain(topic.log.table.c[topic.log.time])
    found: int | None = connection.execute(sa.select(sa.func.min(time))).scalar_one()
    return found


def count_by_hour(connection: Connection, topic: Topic, span: Span) -> dict[int, int]:
    """How many rows, of any revision, each hour of a span holds."""
    found: dict[int, int] = {}
    for at, within in _within(topic.log, span):
        hour = _hour(at)
        query = sa.select(hour, sa.func.count()).where(within).group_by(hour)
        for start, count in connection.execute(query):
            found[int(start)] = found.get(int(start), 0) + count
    return found


def _within(
    log: LogTable, span: Span
) -> Iterator[tuple[sa.ColumnElement[int], sa.ColumnElement[bool]]]:
    """The rows with a time, and those without: two queries, that an index serves each."""
    time, recorded = (_plain(log.table.c[name]) for name in (log.time, "recorded_at"))
    yield time, sa.and_(time >= span[0], time < span[1])
    if log.time != "recorded_at":
        kept = log.table.c.salt.is_not(None)
        yield recorded, sa.and_(time.is_(None), kept, recorded >= span[0], recorded < span[1])


def _superseded(log: LogTable) -> sa.ColumnElement[bool]:
    table, later = log.table, log.table.alias("later")
    same_key = [table.c[name] == later.c[name] for name in log.key]
    return sa.exists().where(*same_key, later.c.revision > table.c.revision)


def moment_of(log: LogTable, table: sa.FromClause) -> sa.ColumnElement[int]:
    return sa.func.coalesce(_plain(table.c[log.time]), _plain(table.c["recorded_at"]))


def _hour(at: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Rounded down, before 1970 too, where SQL's own division rounds up."""
    return at - ((at % HOUR) + HOUR) % HOUR


def _plain(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Times as whole microseconds: pandas turns a million of them faster than datetime."""
    return sa.type_coerce(column, sa.BigInteger) if isinstance(column.type, UtcTime) else column


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
