"""Every figure of the analysis day by day, kept from one look to the next.

A day that has passed is computed once, from the hourly rollups, and again only when rows came that
lie in it, so that looking costs by new rows and not by history. Kept in the derived table
`rollups` as one row a day, with the ledger index up to which it is true.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.analysis.activity import per_hour
from grace.analysis.headlines import headlines
from grace.analysis.health import health
from grace.analysis.merging import merge_hours
from grace.analysis.rates import Interval
from grace.analysis.reader import Reader, open_reader
from grace.analysis.rollups import TOPICS
from grace.analysis.rules import Rules
from grace.analysis.tally import Hours
from grace.goals.kpis import DAY
from grace.store import Store
from grace.store.hours import touched
from grace.store.schema import cursors, rollups
from grace.values import from_microseconds

__all__ = ["Measured", "days_between", "figures"]

MEASURE = "goals"  # without a dot: readers of hourly tallies pass it over
_OURS = rollups.c.measure == MEASURE

# beside the headlines
RATES = {"approval_rate": "autonomy.approval", "run_success_rate": "response.success"}

Days: TypeAlias = dict[int, dict[str, float]]  # by the day's start in microseconds since 1970


@dataclass(frozen=True)
class Measured:
    value: float | None
    interval: Interval | None
    n: int


def figures(hours: Hours, since: int, until: int) -> dict[str, Measured]:
    """Each metric of the analysis over the hours given; activity counts decisions a day."""
    found = merge_hours(hours)
    execution = found.rate("autonomy.execution")
    a_day = (execution.n + execution.open) / max(1.0, (until - since) / DAY)
    state = health(found.rate("healing.success"), found.mean("learning.confidence", "logit"), a_day)
    made: dict[str, Measured] = {
        each.name: Measured(each.value, each.interval, each.n)
        for each in headlines(found, per_hour(hours, since, until), state)
    }
    for name, of in RATES.items():
        rate = found.rate(of)
        made[name] = Measured(rate.value, rate.interval, rate.n)
    return made


def days_between(store: Store, now: datetime, rules: Rules, first: int, last: int) -> Days:
    """The figures of each day that has passed, from the log's first on; a gap has no entry.

    `first` and `last` (excluded) are starts of days. The rollups must be up to date.
    """
    with store.reading() as connection:
        reader, place = open_reader(connection, rules), _place(connection)
        stale = _stale(connection, reader, place)
        kept = _kept(connection, first, last) if stale is not None else {}
        begun = reader.first_time()
        start = last if begun is None else max(first, begun // DAY * DAY)
        wanted = [day for day in range(start, last, DAY) if day not in kept or day in (stale or ())]
        made = {day: _day(reader, day) for day in wanted}
    at = [rules.digest, reader.size]
    if place != at:
        _keep(store, now, (place, at), made, stale)
    return {day: found for day, found in sorted((kept | made).items()) if day >= start}


def _day(reader: Reader, day: int) -> dict[str, float]:
    hours = reader.hours(day, day + DAY, brief=True)
    found = figures(hours, day, day + DAY)
    return {name: each.value for name, each in found.items() if each.value is not None}


def _place(connection: Connection) -> object:
    query = sa.select(cursors.c.position).where(cursors.c.reader == MEASURE)
    text = connection.execute(query).scalar_one_or_none()
    return None if text is None else json.loads(text)


def _stale(connection: Connection, reader: Reader, place: object) -> set[int] | None:
    """Days in which rows came since; None where nothing that is kept holds."""
    match place:
        case [reader.rules.digest, int(size)] if size <= reader.size:
            hours = (touched(connection, topic.log, size, reader.size) for topic in TOPICS)
            return {hour // DAY * DAY for of_topic in hours for hour in of_topic}
    return None


def _kept(connection: Connection, first: int, last: int) -> Days:
    day = sa.type_coerce(rollups.c.hour, sa.BigInteger)
    query = sa.select(day, rollups.c.state).where(_OURS, day >= first, day < last)
    return {start: json.loads(state) for start, state in connection.execute(query)}


def _keep(
    store: Store,
    now: datetime,
    places: tuple[object, object],
    made: Days,
    stale: set[int] | None,
) -> None:
    """Unless somebody else kept theirs meanwhile; then what was made here is not needed."""
    before, after = places
    day = sa.type_coerce(rollups.c.hour, sa.BigInteger)
    with store.writing(now) as writer:
        if _place(writer.connection) != before:
            return
        gone = sa.true() if stale is None else day.in_(stale | made.keys())
        writer.connection.execute(rollups.delete().where(_OURS, gone))
        rows = [
            {
                "hour": from_microseconds(start),
                "measure": MEASURE,
                "part": "",
                "state": json.dumps(found),
            }
            for start, found in made.items()
        ]
        if rows:
            writer.connection.execute(rollups.insert(), rows)
        writer.set_cursor(MEASURE, after)
