"""The newest revisions of the last weeks' rows, from the derived table `recent_rows`.

The cursor of each log table is a ledger index. New rows name the hours they lie in, and with them
the hours in which the revisions before them lay; those hours are read anew from the log, so that
late rows and revisions reopen their hour. Hours and cursor are written in one transaction; a large
arrear takes several, of which each leaves in the cursor what is still to do.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import pandas as pd
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.recent.columns import pack, table_of, unpack
from grace.recent.views import VIEWS, View
from grace.store import Store, Writer
from grace.store.hours import (
    HOUR,
    Span,
    count_by_hour,
    plain,
    portion,
    spans_of,
    superseded,
    touched,
)
from grace.store.schema import cursors, ledger_head, recent_reader, recent_rows
from grace.values import microseconds

__all__ = ["advance", "recent", "recent_at"]

FORM = 1  # of what is kept: another one begins anew
ROWS_A_STEP = 50_000  # of one transaction, which keeps other writers waiting meanwhile
KEPT_TOO_LONG = 24 * HOUR
FOR_EVER = 1 << 62


@dataclass(frozen=True)
class Position:
    """Hours from `since` on hold the rows below `size`; those below `target` but for `left`."""

    form: int
    since: int
    size: int
    target: int
    left: tuple[int, ...] = ()


def recent(store: Store, table: str, since: datetime, now: datetime) -> pd.DataFrame:
    """As `grace.store.read.newest` from `since` on, but of the columns that engines read."""
    return recent_at(store, table, since, now)[0]


def recent_at(store: Store, table: str, since: datetime, now: datetime) -> tuple[pd.DataFrame, int]:
    """The rows, and how many of the ledger they are the newest revisions of."""
    view, begin = VIEWS[table], microseconds(since)
    while True:
        advance(store, view, begin, now)
        with store.reading() as connection:
            position = _position(connection, view)
            # somebody else may have begun on what came since
            if position is not None and not position.left and position.since <= _hour(begin):
                packed = _packed(connection, view, begin)
                break
    frame = unpack(view, packed)
    return frame[frame[view.log.time] >= since], position.size


def advance(store: Store, view: View, begin: int, now: datetime) -> int:
    """Bring what is kept from `begin` on (microseconds) up to the ledger; how many hours it read.

    Hours that lie long before it are let go of.
    """
    read = 0
    while _is_behind(store, view, _hour(begin)):
        with store.writing(now) as writer:
            read += _step(writer, view, _hour(begin))
    return read


def _is_behind(store: Store, view: View, since: int) -> bool:
    with store.reading() as connection:
        position = _position(connection, view)
        if position is None or position.left or since < position.since:
            return True
        return position.size != _ledger_size(connection)


def _position(connection: Connection, view: View) -> Position | None:
    """None where nothing is kept, or nothing that holds: the ledger was cut back since."""
    query = sa.select(cursors.c.position).where(cursors.c.reader == recent_reader(view.table))
    text = connection.execute(query).scalar_one_or_none()
    if text is None:
        return None
    told = json.loads(text)
    kept = Position(**told | {"left": tuple(told["left"])})
    holds = kept.form == FORM and kept.target <= _ledger_size(connection)
    return kept if holds else None


def _step(writer: Writer, view: View, since: int) -> int:
    """One transaction's share: how many hours it read."""
    position = _aimed(writer, view, since)
    hours, _ = portion(writer.connection, view.log, position.left, ROWS_A_STEP)
    for span in spans_of(hours):
        _renew(writer.connection, view, span)
    position = replace(position, left=position.left[len(hours) :])
    if not position.left:
        position = replace(position, size=position.target)
        if since - position.since > KEPT_TOO_LONG:
            writer.connection.execute(recent_rows.delete().where(_of(view), since > _HOUR))
            position = replace(position, since=since)
    writer.set_cursor(recent_reader(view.table), asdict(position))
    return len(hours)


def _aimed(writer: Writer, view: View, since: int) -> Position:
    """What is still to do, in the order of time."""
    position = _position(writer.connection, view)
    if position is None:
        writer.connection.execute(recent_rows.delete().where(_of(view)))
        hours = count_by_hour(writer.connection, view.log, (since, FOR_EVER))
        return Position(FORM, since, 0, writer.size, tuple(sorted(hours)))
    left = set(position.left)
    if since < position.since:
        left |= count_by_hour(writer.connection, view.log, (since, position.since)).keys()
        position = replace(position, since=since)
    if not left:
        new = touched(writer.connection, view.log, position.size, writer.size)
        left = {hour for hour in new if hour >= position.since}
        position = replace(position, target=writer.size)
    return replace(position, left=tuple(sorted(left)))


def _renew(connection: Connection, view: View, span: Span) -> None:
    """Read a span's rows from the log and put them in place of the old, hour by hour."""
    connection.execute(recent_rows.delete().where(_of(view), span[0] <= _HOUR, span[1] > _HOUR))
    time = plain(view.log.table.c[view.log.time])
    names = [*view.columns, *view.described]
    query = (
        sa.select(*(plain(view.log.table.c[name]) for name in names))
        .where(time >= span[0], time < span[1], ~superseded(view.log))
        .order_by(view.log.table.c.ledger_index)
    )
    rows = connection.execute(query).all()
    if not rows:
        return
    table = table_of(view, list(zip(*rows, strict=True)))
    hours = pc.floor_temporal(table[view.log.time], unit="hour")
    made = [
        {
            "log_table": view.table,
            "hour": hour.as_py(),
            "rows": pack(view, table.filter(pc.equal(hours, hour))),
        }
        for hour in pc.unique(hours)
    ]
    connection.execute(recent_rows.insert(), made)


def _packed(connection: Connection, view: View, begin: int) -> list[bytes]:
    query = sa.select(recent_rows.c.rows).where(_of(view), _hour(begin) <= _HOUR)
    return [bytes(rows) for rows in connection.execute(query).scalars()]


_HOUR = sa.type_coerce(recent_rows.c.hour, sa.BigInteger)


def _of(view: View) -> sa.ColumnElement[bool]:
    return recent_rows.c.log_table == view.table


def _hour(at: int) -> int:
    return at // HOUR * HOUR


def _ledger_size(connection: Connection) -> int:
    size: int = connection.execute(sa.select(ledger_head.c.size)).scalar_one()
    return size
