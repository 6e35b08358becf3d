"""Whether the clock can be right: the log itself says until when time has gone on at least."""

from datetime import UTC, datetime

import sqlalchemy as sa

from grace.errors import NotAllowed
from grace.store import Store
from grace.store.schema import LOGS

__all__ = ["check_clock"]


def check_clock(store: Store, deadline: datetime, now: datetime) -> None:
    """Raises NotAllowed where only a clock that was put back makes `now` come before a deadline."""
    if (last := _last_recorded(store)) is not None and now <= deadline < last:
        raise NotAllowed(
            f"the clock says {now.astimezone(UTC):%F %T} UTC, and the log was written to at "
            f"{last.astimezone(UTC):%F %T} UTC, after the deadline: set the clock right"
        )


def _last_recorded(store: Store) -> datetime | None:
    """When the newest row of any table was written; None where there is none."""
    newest = [
        sa.select(table.c.recorded_at).order_by(table.c.ledger_index.desc()).limit(1).subquery()
        for table in (log.table for log in LOGS.values())
    ]
    query = sa.union_all(*(sa.select(each.c.recorded_at) for each in newest))
    with store.reading() as connection:
        return max((row.recorded_at for row in connection.execute(query)), default=None)
