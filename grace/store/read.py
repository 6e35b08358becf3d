"""Readers see the newest revision of each row, as a pandas frame."""

from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from grace.store.append import log_table
from grace.store.database import Store
from grace.store.schema import LogTable
from grace.store.types import UtcTime
from grace.values import microseconds

__all__ = ["first_time", "newest"]


def newest(
    store: Store,
    table: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    **equal: object,
) -> pd.DataFrame:
    """The newest revision of each natural key, ordered by ledger index.

    `since` (inclusive) and `until` (exclusive) bound the table's time column; `equal` gives
    column=value conditions on the newest revision. Times are datetime64[us, UTC].
    """
    log = log_table(table)
    query = _query(log, since, until, equal)
    with store.reading() as connection:
        rows = connection.execute(query).all()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=list(_columns(log)))
    for name, kind in log.kinds.items():
        if kind == "time":
            frame[name] = pd.to_datetime(frame[name].astype("Int64"), unit="us", utc=True)
    return frame


def first_time(store: Store, table: str) -> datetime | None:
    """The earliest time in a table's time column."""
    log = log_table(table)
    query = sa.select(sa.func.min(log.table.c[log.time]))
    with store.reading() as connection:
        found: datetime | None = connection.execute(query).scalar_one()
    return found


def _columns(log: LogTable) -> dict[str, sa.ColumnElement[Any]]:
    """Times stay whole microseconds here: pandas turns a million of them faster than datetime."""
    return {
        column.name: sa.type_coerce(column, sa.BigInteger)
        if isinstance(column.type, UtcTime)
        else column
        for column in log.table.c
    }


def _query(
    log: LogTable,
    since: datetime | None,
    until: datetime | None,
    equal: dict[str, object],
) -> sa.Select[tuple[object, ...]]:
    table, time = log.table, sa.type_coerce(log.table.c[log.time], sa.BigInteger)
    later = table.alias("later")
    same_key = [table.c[name] == later.c[name] for name in log.key]
    superseded = sa.exists().where(*same_key, later.c.revision > table.c.revision)
    query = sa.select(*_columns(log).values()).where(~superseded)
    if since is not None:
        query = query.where(time >= microseconds(since))
    if until is not None:
        query = query.where(time < microseconds(until))
    for name, value in equal.items():
        query = query.where(table.c[name] == value)
    return query.order_by(table.c.ledger_index)
