"""Hourly tallies in the derived table `rollups`, advanced by the rows that are new in the ledger.

The cursor is a ledger index. New rows name the hours they lie in, and with them the hours in which
the revisions before them lay; those hours are computed anew from the newest revisions, so that
late rows and revisions reopen their hour. Hours and cursor are written in one transaction; a large
arrear takes several, of which each leaves in the cursor what is still to do.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.analysis.autonomy import AUTONOMY
from grace.analysis.healing import HEALING
from grace.analysis.learning import LEARNING
from grace.analysis.library import read_library, write_library
from grace.analysis.response import RESPONSE
from grace.analysis.rows import Topic, observe_rows
from grace.analysis.rules import Rules
from grace.analysis.tally import Hours
from grace.store import Store, Writer
from grace.store.hours import Span, portion, spans_of, touched
from grace.store.schema import cursors, ledger_head, rollups
from grace.values import from_microseconds

__all__ = ["TOPICS", "Position", "advance", "ledger_size", "position_of"]

TOPICS = (HEALING, LEARNING, AUTONOMY, RESPONSE)
CURSOR = "analysis"
ROWS_A_STEP = 50_000  # of one transaction, which keeps other writers waiting meanwhile


@dataclass(frozen=True)
class Position:
    """Rows below `size` are in the table; those below `target` too, but for the hours `left`."""

    rules: str
    size: int = 0
    target: int = 0
    left: dict[str, list[int]] = field(default_factory=dict)

    @property
    def is_fresh(self) -> bool:
        """Nothing is in the table, or nothing that holds."""
        return self.size == self.target == 0

    @property
    def hours_left(self) -> int:
        return sum(map(len, self.left.values()))


def advance(
    store: Store, now: datetime, rules: Rules, told: Callable[[int], object] | None = None
) -> int:
    """Bring the table up to the ledger; how many hours were computed, each log table's for itself.

    `told` hears after each transaction how many hours are left.
    """
    done = 0
    while _is_behind(store, rules):
        with store.writing(now) as writer:
            computed, left = _step(writer, rules)
        done += computed
        if told is not None:
            told(left)
    return done


def position_of(connection: Connection, rules: Rules) -> Position:
    """Fresh where other rules made the table, or where the ledger was cut back since."""
    query = sa.select(cursors.c.position).where(cursors.c.reader == CURSOR)
    text = connection.execute(query).scalar_one_or_none()
    fresh = Position(rules.digest)
    kept = fresh if text is None else Position(**json.loads(text))
    is_ours = kept.rules == rules.digest and kept.target <= ledger_size(connection)
    return kept if is_ours else fresh


def ledger_size(connection: Connection) -> int:
    size: int = connection.execute(sa.select(ledger_head.c.size)).scalar_one()
    return size


def _is_behind(store: Store, rules: Rules) -> bool:
    with store.reading() as connection:
        position = position_of(connection, rules)
        return bool(position.left) or position.size != ledger_size(connection)


def _step(writer: Writer, rules: Rules) -> tuple[int, int]:
    """One transaction's share: how many hours it computed, and how many are left."""
    position = _aimed(writer, rules)
    hours = _next_hours(writer.connection, position.left)
    for topic in TOPICS:
        for span in spans_of(hours[topic.name]):
            _renew(writer.connection, topic, span, rules)
    left = {
        name: [hour for hour in waiting if hour not in hours[name]]
        for name, waiting in position.left.items()
    }
    after = Position(position.rules, position.size, position.target, left)
    if not after.hours_left:
        library = read_library(writer.connection, position.size, position.target)
        write_library(writer.connection, library)
        after = Position(position.rules, position.target, position.target)
    writer.set_cursor(CURSOR, asdict(after))
    return sum(map(len, hours.values())), after.hours_left


def _aimed(writer: Writer, rules: Rules) -> Position:
    """What is still to do, or else all that the ledger holds by now."""
    position = position_of(writer.connection, rules)
    if position.is_fresh:
        writer.connection.execute(rollups.delete())
    if position.hours_left:
        return position
    hours = {
        topic.name: sorted(touched(writer.connection, topic.log, position.size, writer.size))
        for topic in TOPICS
    }
    return Position(rules.digest, position.size, writer.size, hours)


def _next_hours(connection: Connection, left: dict[str, list[int]]) -> dict[str, set[int]]:
    """Hours that hold about as many rows as a step may take, at least one where any is left."""
    taken: dict[str, set[int]] = {topic.name: set() for topic in TOPICS}
    rows = ROWS_A_STEP
    for topic in TOPICS:
        hours, held = portion(connection, topic.log, left[topic.name], rows)
        taken[topic.name].update(hours)
        rows -= held
        if rows <= 0 or len(hours) < len(left[topic.name]):
            break
    return taken


def _renew(connection: Connection, topic: Topic, span: Span, rules: Rules) -> None:
    """Compute the hours of a span from the newest revisions and put them in place of the old."""
    found: Hours = observe_rows(connection, topic, span, rules)
    hour = sa.type_coerce(rollups.c.hour, sa.BigInteger)
    connection.execute(
        rollups.delete().where(
            hour >= span[0], hour < span[1], rollups.c.measure.startswith(f"{topic.name}.")
        )
    )
    rows = [
        {
            "hour": from_microseconds(start),
            "measure": measure,
            "part": part,
            "state": tally.as_text(),
        }
        for start, tallied in found.items()
        for (measure, part), tally in tallied.items()
    ]
    if rows:
        connection.execute(rollups.insert(), rows)
