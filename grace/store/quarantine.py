"""Rows that could not be logged, with source, position and reason; nothing of them is lost.

A row is known by source, position and content, so that reading a source again adds nothing here.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.errors import BadInput
from grace.store.database import Store
from grace.store.schema import quarantine

__all__ = ["Quarantined", "Refusal", "add", "counts", "entries", "find", "set_landed", "set_reason"]

CHUNK = 400  # ids a look-up
LONGEST_KIND = 8  # characters, the colon among them
WAITS = quarantine.c.landed_at.is_(None)


@dataclass(frozen=True)
class Refusal:
    """A row on its way here; `row` is JSON text, `reason` begins with its kind and a colon."""

    log_table: str
    source: str
    position: str
    digest: str
    reason: str
    row: str

    @property
    def id(self) -> str:
        named = "\0".join((self.source, self.position, self.digest))
        return hashlib.sha256(named.encode(errors="surrogateescape")).hexdigest()[:16]


@dataclass(frozen=True)
class Quarantined:
    """A row that is here; `landed_at` is when a retry took it after all."""

    id: str
    table: str
    source: str
    position: str
    reason: str
    row: str
    quarantined_at: datetime
    landed_at: datetime | None


def add(connection: Connection, refusals: Iterable[Refusal], now: datetime) -> int:
    """Keep rows within a writer's transaction; how many were not here already."""
    wanted = {refusal.id: refusal for refusal in refusals}
    known = _known(connection, list(wanted))
    rows = [
        {
            "quarantine_id": identity,
            "log_table": refusal.log_table,
            "source": refusal.source,
            "position": refusal.position,
            "digest": refusal.digest,
            "reason": refusal.reason,
            "row": refusal.row,
            "quarantined_at": now,
        }
        for identity, refusal in wanted.items()
        if identity not in known
    ]
    if rows:
        connection.execute(quarantine.insert(), rows)
    return len(rows)


def entries(
    store: Store,
    *,
    table: str | None = None,
    source: str | None = None,
    landed: bool = False,
    limit: int | None = None,
    after: Quarantined | None = None,
) -> list[Quarantined]:
    """Those that wait, or with `landed` all; oldest first, those behind `after`."""
    query = _select().order_by(quarantine.c.quarantined_at, quarantine.c.quarantine_id)
    if not landed:
        query = query.where(WAITS)
    if table is not None:
        query = query.where(quarantine.c.log_table == table)
    if source is not None:
        query = query.where(quarantine.c.source == source)
    if after is not None:
        at, identity = quarantine.c.quarantined_at, quarantine.c.quarantine_id
        same_time = sa.and_(at == after.quarantined_at, identity > after.id)
        query = query.where(sa.or_(at > after.quarantined_at, same_time))
    with store.reading() as connection:
        return [Quarantined(*row) for row in connection.execute(query.limit(limit))]


def find(store: Store, identity: str) -> Quarantined:
    """By its id or the beginning of it. Raises BadInput where there is none, or more than one."""
    begins = quarantine.c.quarantine_id.startswith(identity, autoescape=True)
    with store.reading() as connection:
        found = [Quarantined(*row) for row in connection.execute(_select().where(begins).limit(2))]
    if len(found) == 1 and identity:
        return found[0]
    if found:
        raise BadInput(f"more than one row in the quarantine begins with {identity!r}")
    raise BadInput(f"nothing in the quarantine is called {identity!r}; try `grace quarantine list`")


def counts(store: Store) -> Mapping[str, int]:
    """How many wait, by the kind of their reason."""
    begin = sa.func.substr(quarantine.c.reason, 1, LONGEST_KIND)
    query = sa.select(begin, sa.func.count()).where(WAITS).group_by(begin)
    together: Counter[str] = Counter()
    with store.reading() as connection:
        for reason, count in connection.execute(query):
            together[reason.partition(":")[0]] += count
    return dict(sorted(together.items()))


def set_landed(connection: Connection, ids: Iterable[str], now: datetime) -> None:
    for part in _parts(list(ids)):
        named = quarantine.c.quarantine_id.in_(part)
        connection.execute(quarantine.update().where(named).values(landed_at=now))


def set_reason(connection: Connection, identity: str, reason: str) -> None:
    """What stands against it by now."""
    named = quarantine.c.quarantine_id == identity
    connection.execute(quarantine.update().where(named).values(reason=reason))


def _select() -> sa.Select[tuple[object, ...]]:
    named = quarantine.c
    return sa.select(
        named.quarantine_id,
        named.log_table,
        named.source,
        named.position,
        named.reason,
        named.row,
        named.quarantined_at,
        named.landed_at,
    )


def _known(connection: Connection, ids: Sequence[str]) -> set[str]:
    known: set[str] = set()
    for part in _parts(ids):
        query = sa.select(quarantine.c.quarantine_id).where(quarantine.c.quarantine_id.in_(part))
        known.update(connection.execute(query).scalars())
    return known


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
