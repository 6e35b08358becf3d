"""Which error patterns the library holds, and since when: advanced with the hourly figures.

A pattern is in the library while the newest revision of some `pattern_update` row names it, since
the earliest time of any row that ever named it, in whichever of its revisions: a template that
grows wider is not learned again. Kept as rollups of the hour in which 1970 began, one a name, so
that a window needs no look at the whole history.
"""

import json
from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.store.hours import moment_of
from grace.store.schema import LOGS, rollups
from grace.values import EPOCH

__all__ = ["Library", "read_library", "write_library"]

MEASURE = "library"
LOG = LOGS["ml_learning_logs"]
_OURS = sa.and_(rollups.c.hour == EPOCH, rollups.c.measure == MEASURE)


@dataclass(frozen=True)
class Library:
    """Of each name: how many rows name the pattern, and the first time (microseconds)."""

    rows: dict[str, int]
    first: dict[str, int]

    def learned(self, since: int, until: int) -> int:
        """How many patterns of the library were first named within the window."""
        return sum(since <= first < until for first in self._held())

    def held(self, until: int) -> int:
        return sum(first < until for first in self._held())

    def _held(self) -> list[int]:
        return [first for name, first in self.first.items() if self.rows[name] > 0]


def read_library(connection: Connection, stands_at: int, size: int) -> Library:
    """The library of the rows below `size`, where its rollups hold those below `stands_at`."""
    query = sa.select(rollups.c.part, rollups.c.state).where(_OURS)
    states = connection.execute(query).all() if stands_at else []
    kept = {name: json.loads(state) for name, state in states}
    rows = Counter({name: count for name, (count, _) in kept.items()})
    rows.update(_counts(connection, _newest_of_the_new(stands_at, size)))
    rows.subtract(_counts(connection, _superseded_by_the_new(stands_at, size)))
    first = {name: earliest for name, (_, earliest) in kept.items()}
    for name, earliest in _first_named(connection, stands_at, size):
        first[name] = min(earliest, first.get(name, earliest))
    return Library({name: rows[name] for name in first}, first)


def write_library(connection: Connection, library: Library) -> None:
    connection.execute(rollups.delete().where(_OURS))
    states = {
        name: json.dumps([library.rows[name], first]) for name, first in library.first.items()
    }
    for name, state in states.items():
        row = {"hour": EPOCH, "measure": MEASURE, "part": name, "state": state}
        connection.execute(rollups.insert().values(row))


def _first_named(connection: Connection, first: int, size: int) -> list[tuple[str, int]]:
    """Of each name that a touched row ever had: the earliest time of such a row."""
    table, key = LOG.table, LOG.table.c[LOG.key[0]]
    touched = sa.select(key).where(_among(table, first, size))
    within = sa.and_(key.in_(touched), table.c.ledger_index < size)
    earliest = sa.select(key, sa.func.min(moment_of(LOG, table)).label("at")).where(within)
    since = earliest.group_by(key).subquery()
    name = table.c.pattern_name
    query = sa.select(name, sa.func.min(since.c.at)).join(since, key == since.c[key.name])
    query = query.where(_is_named(table), table.c.ledger_index < size).group_by(name)
    return [(name, found) for name, found in connection.execute(query)]


def _newest_of_the_new(first: int, size: int) -> sa.Select[tuple[str]]:
    table, later = LOG.table, LOG.table.alias("later")
    superseded = sa.exists().where(_revises(later, table), later.c.ledger_index < size)
    named = sa.and_(_is_named(table), _among(table, first, size))
    return sa.select(table.c.pattern_name).where(named, ~superseded)


def _superseded_by_the_new(first: int, size: int) -> sa.Select[tuple[str]]:
    """Rows that were the newest of their key before, and that a new row revises."""
    new, old, between = LOG.table, LOG.table.alias("old"), LOG.table.alias("between")
    was_newest = ~sa.exists().where(_revises(between, old), between.c.ledger_index < first)
    revised = old.join(new, _revises(new, old))
    query = sa.select(old.c.pattern_name, old.c.id).select_from(revised).distinct()
    found = query.where(
        _is_named(old), old.c.ledger_index < first, _among(new, first, size), was_newest
    ).subquery()
    return sa.select(found.c.pattern_name)


def _counts(connection: Connection, names: sa.Select[tuple[str]]) -> Counter[str]:
    return Counter(connection.execute(names).scalars())


def _is_named(table: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.learning_type == "pattern_update", table.c.pattern_name.is_not(None))


def _among(table: sa.FromClause, first: int, size: int) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.ledger_index >= first, table.c.ledger_index < size)


def _revises(later: sa.FromClause, table: sa.FromClause) -> sa.ColumnElement[bool]:
    same_key = (later.c[name] == table.c[name] for name in LOG.key)
    return sa.and_(*same_key, later.c.revision > table.c.revision)
