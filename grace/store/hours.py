"""Rows of a log table by the hour they lie in: which hours a part of the ledger touches.

A row lies at the time of its table's time column; one without lies where it was recorded. Times are
whole microseconds since 1970.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.store.schema import LogTable
from grace.store.types import UtcTime

__all__ = [
    "HOUR",
    "Span",
    "count_by_hour",
    "moment_of",
    "plain",
    "portion",
    "spans_of",
    "superseded",
    "touched",
    "within_span",
]

Span: TypeAlias = tuple[int, int]  # from, and up to but without, in microseconds since 1970

HOUR = 3_600_000_000  # microseconds
HOURS_A_SPAN = 24
HOURS_A_PORTION = 31 * 24


def touched(connection: Connection, log: LogTable, first: int, size: int) -> set[int]:
    """The hours that rows of ledger index first..size (last excluded) lie in, or lay in before."""
    new, old = log.table, log.table.alias("old")
    is_new = sa.and_(new.c.ledger_index >= first, new.c.ledger_index < size)
    same_key = [new.c[name] == old.c[name] for name in log.key]
    before = new.join(old, sa.and_(*same_key, old.c.revision < new.c.revision))
    queries = (
        sa.select(_hour(moment_of(log, new))).where(is_new).distinct(),
        sa.select(_hour(moment_of(log, old))).select_from(before).where(is_new, new.c.revision > 1),
    )
    return {int(hour) for query in queries for (hour,) in connection.execute(query)}


def count_by_hour(connection: Connection, log: LogTable, span: Span) -> dict[int, int]:
    """How many rows, of any revision, each hour of a span holds."""
    found: dict[int, int] = {}
    for at, within in within_span(log, span):
        hour = _hour(at)
        query = sa.select(hour, sa.func.count()).where(within).group_by(hour)
        for start, count in connection.execute(query):
            found[int(start)] = found.get(int(start), 0) + count
    return found


def portion(
    connection: Connection, log: LogTable, waiting: Sequence[int], rows: int
) -> tuple[list[int], int]:
    """The first of the waiting hours, at least one where any waits, until they hold `rows`.

    Beside them how many they do hold, of any revision.
    """
    waiting = waiting[:HOURS_A_PORTION]
    if not waiting:
        return [], 0
    counts = count_by_hour(connection, log, (waiting[0], waiting[-1] + HOUR))
    taken, held = [], 0
    for hour in waiting:
        if held >= rows:
            break
        taken.append(hour)
        held += counts.get(hour, 0)
    return taken, held


def spans_of(hours: Iterable[int]) -> Iterator[Span]:
    """Runs of hours that follow each other, in pieces of at most a day."""
    ordered = sorted(hours)
    begin = ordered[0] if ordered else 0
    for hour, following in pairwise([*ordered, -1]):
        if following != hour + HOUR or following - begin >= HOURS_A_SPAN * HOUR:
            yield begin, hour + HOUR
            begin = following


def within_span(
    log: LogTable, span: Span
) -> Iterator[tuple[sa.ColumnElement[int], sa.ColumnElement[bool]]]:
    """The rows with a time, and those without: two queries, that an index serves each."""
    time, recorded = (plain(log.table.c[name]) for name in (log.time, "recorded_at"))
    yield time, sa.and_(time >= span[0], time < span[1])
    if log.time != "recorded_at":
        kept = log.table.c.salt.is_not(None)
        yield recorded, sa.and_(time.is_(None), kept, recorded >= span[0], recorded < span[1])


def superseded(log: LogTable) -> sa.ColumnElement[bool]:
    table, later = log.table, log.table.alias("later")
    same_key = [table.c[name] == later.c[name] for name in log.key]
    return sa.exists().where(*same_key, later.c.revision > table.c.revision)


def moment_of(log: LogTable, table: sa.FromClause) -> sa.ColumnElement[int]:
    return sa.func.coalesce(plain(table.c[log.time]), plain(table.c["recorded_at"]))


def _hour(at: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Rounded down, before 1970 too, where SQL's own division rounds up."""
    return at - ((at % HOUR) + HOUR) % HOUR


def plain(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Times as whole microseconds: pandas turns a million of them faster than datetime."""
    return sa.type_coerce(column, sa.BigInteger) if isinstance(column.type, UtcTime) else column
