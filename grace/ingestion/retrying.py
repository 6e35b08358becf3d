"""Rows out of the quarantine, judged again by the rules of the present code."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.ingestion.loose import INGESTIBLE, lacks_key, read_row
from grace.ingestion.outside import kept_row
from grace.ingestion.reasons import Reason
from grace.store import Store, Writer
from grace.store.append import log_table
from grace.store.quarantine import Quarantined, entries, find, set_landed, set_reason
from grace.store.schema import LogTable

__all__ = ["Retried", "retry"]

CHUNK = 400  # rows a transaction


@dataclass(frozen=True)
class Retried:
    """`landed` are new in the log, `unchanged` were there already; `refused` wait on."""

    landed: int = 0
    unchanged: int = 0
    refused: int = 0

    @property
    def tried(self) -> int:
        return self.landed + self.unchanged + self.refused

    def __add__(self, other: "Retried") -> "Retried":
        return Retried(
            self.landed + other.landed,
            self.unchanged + other.unchanged,
            self.refused + other.refused,
        )


def retry(store: Store, ids: Sequence[str], now: datetime) -> Retried:
    """Try these once more, by id or its beginning, or all that wait where none is named.

    A row lands unless the log has learned of its key since: what is older never hides what is
    newer. Raises BadInput for an id that names none or more than one.
    """
    if ids:
        named = {entry.id: entry for entry in (find(store, identity) for identity in ids)}
        return _retry(store, [entry for entry in named.values() if entry.landed_at is None], now)
    done, last = Retried(), None
    while part := entries(store, limit=CHUNK, after=last):
        done, last = done + _retry(store, part, now), part[-1]
    return done


def _retry(store: Store, part: Sequence[Quarantined], now: datetime) -> Retried:
    with store.writing(now) as writer:
        done = [_again(writer, entry, now) for entry in part]
    return sum(done, Retried())


def _again(writer: Writer, entry: Quarantined, now: datetime) -> Retried:
    found = _judged(writer.connection, entry)
    if not isinstance(found, Reason) and (unfit := writer.unfit(entry.table, found)):
        found = Reason("text", unfit)
    if isinstance(found, Reason):
        set_reason(writer.connection, entry.id, str(found))
        return Retried(refused=1)
    label = kept_row(entry.row).label
    landed = len(writer.append(entry.table, [found], source=label))
    set_landed(writer.connection, [entry.id], now)
    return Retried(landed=landed, unchanged=1 - landed)


def _judged(connection: Connection, entry: Quarantined) -> dict[str, object] | Reason:
    before = Reason.parse(entry.reason)
    kept = kept_row(entry.row)
    if isinstance(kept.content, str) or entry.table not in INGESTIBLE:
        return before
    log = log_table(entry.table)
    row = read_row(log, kept.content, kept.manner)
    if isinstance(row, Reason):
        return row
    if lacks_key(log, kept.content):
        row[log.key[0]] = kept.key or entry.id
    return _hidden(connection, log, row, entry, before) or row


def _hidden(
    connection: Connection,
    log: LogTable,
    row: Mapping[str, object],
    entry: Quarantined,
    before: Reason,
) -> Reason | None:
    """Why the row may not follow what the log holds of its key."""
    newest = _newest(connection, log, row)
    if newest is None or _says(newest, row, log.payload):
        return None
    if before.kind == "repeat":
        return before
    if newest["recorded_at"] >= entry.quarantined_at:
        key = " ".join(str(row[name]) for name in log.key)
        return Reason("repeat", f"the log has a row of the key {key[:60]} since; it stays")
    return None


def _newest(
    connection: Connection, log: LogTable, row: Mapping[str, object]
) -> Mapping[str, Any] | None:
    same_key = [log.table.c[name] == row[name] for name in log.key]
    query = sa.select(log.table).where(*same_key).order_by(log.table.c.revision.desc()).limit(1)
    found = connection.execute(query).mappings().first()
    return None if found is None else dict(found)


def _says(newest: Mapping[str, object], row: Mapping[str, object], columns: Iterable[str]) -> bool:
    return all(newest[name] == row.get(name) for name in columns if name != "source")
