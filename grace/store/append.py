"""The one way into a log table: row, ledger leaf and event in one transaction.

The ledger head is locked for the whole transaction, so the order of indices is the order of
commits, without gaps, and *all rows below N* is one consistent snapshot.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.errors import BadInput
from grace.ledger.encoding import row_digest, row_encoder
from grace.ledger.entry import encode_entry
from grace.ledger.merkle import leaf_hash
from grace.ledger.tiles import grow
from grace.store.ids import uuid7
from grace.store.schema import (
    ALIASES,
    LOGS,
    OWN_SOURCES,
    SIMULATOR,
    LogTable,
    cursors,
    ledger_head,
    outbox,
)
from grace.store.tile_table import DatabaseTiles
from grace.values import coerce

__all__ = ["NO_ZERO", "OWN_SOURCES", "SIMULATOR", "Landed", "Writer", "log_table"]

SOURCE = "source"  # the cursor that holds the one source of a log whose rows have no other
CHUNK = 400  # keys a look-up: SQLite allows 999 variables a statement in its oldest builds
HEAD = sa.select(ledger_head.c.size).with_for_update()
MARK = sa.select(cursors.c.position).where(cursors.c.reader == SOURCE)
ZERO = "\0"
NO_ZERO = "has U+0000, which PostgreSQL cannot hold in text"

Payload = tuple[object, ...]


@dataclass(frozen=True)
class Landed:
    """A row that the transaction added."""

    id: str
    revision: int
    ledger_index: int


def log_table(name: str) -> LogTable:
    try:
        return LOGS[name]
    except KeyError:
        raise BadInput(f"there is no log table {name!r}; there are {', '.join(LOGS)}") from None


def _payload(log: LogTable, row: Mapping[str, object], source: str, now: datetime) -> Payload:
    """The row's payload columns in schema order, coerced; a missing single key is made."""
    given = {ALIASES.get(name, name): value for name, value in row.items()}
    unknown = given.keys() - set(log.payload)
    if unknown:
        raise BadInput(f"{log.name} has no column {', '.join(sorted(unknown))}")
    if len(log.key) == 1 and given.get(log.key[0]) is None:
        given[log.key[0]] = uuid7(now)
    if given.get("source") is None:
        given["source"] = source
    return tuple(_value(log, name, given.get(name)) for name in log.payload)


def _value(log: LogTable, name: str, value: object) -> object:
    try:
        return coerce(log.kinds[name], value)
    except ValueError as problem:
        raise BadInput(f"{log.name}.{name}: {problem}") from None


def _has_zero(values: Payload) -> bool:
    return any(isinstance(value, str) and ZERO in value for value in values)


def _chunks(items: Sequence[Payload]) -> Iterator[Sequence[Payload]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


class Writer:
    """An open transaction that holds the ledger head; made by `Store.writing`."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self._start: int = connection.execute(HEAD).scalar_one()
        # only now: PostgreSQL gives a statement that waited for the lock what was there before
        source = connection.execute(MARK).scalar_one_or_none()
        self._source: str | None = None if source is None else json.loads(source)
        self._leaves: list[bytes] = []

    @property
    def size(self) -> int:
        """Rows in the ledger once this transaction commits."""
        return self._start + len(self._leaves)

    def append(
        self, table: str, rows: Iterable[Mapping[str, object]], source: str = "grace"
    ) -> list[Landed]:
        """Add rows; one whose newest revision says the same already is left out.

        Returns what was added, in order. Raises BadInput on an unknown column or a wrong value, and
        in a log whose rows are all of one source on rows of any but Grace's own.
        """
        log = log_table(table)
        if self._source is not None:
            if source not in OWN_SOURCES:
                raise BadInput(f"the rows of this log are all the {self._source}'s; name another")
            rows, source = ({**row, "source": None} for row in rows), self._source
        payloads = [_payload(log, row, source, self.now) for row in rows]
        if self.lacks_zero and any(map(_has_zero, payloads)):
            raise BadInput(f"{log.name}: {NO_ZERO}")
        return [landed for chunk in _chunks(payloads) for landed in self._add(log, chunk)]

    @property
    def lacks_zero(self) -> bool:
        """Whether this database cannot hold U+0000 in text; JSON has it escaped, and may."""
        return self.connection.dialect.name == "postgresql"

    def unfit(self, table: str, row: Mapping[str, object]) -> str | None:
        """Why this database cannot hold a row that its table can, if so: column and reason."""
        if not self.lacks_zero or not _has_zero(tuple(row.values())):
            return None
        kinds = log_table(table).kinds
        texts = (name for name in row if kinds.get(ALIASES.get(name, name)) == "text")
        found = (name for name in texts if isinstance(row[name], str) and ZERO in str(row[name]))
        return next((f"{name}: {NO_ZERO}" for name in found), None)

    def event(
        self, event_type: str, resource: str, payload: Mapping[str, object], actor: str = "grace"
    ) -> None:
        """Record an event with the change it tells of; the outbox publishes it later."""
        row = {
            "event_id": uuid7(self.now),
            "event_type": event_type,
            "resource": resource,
            "actor": actor,
            "payload": payload,
            "timestamp": self.now,
        }
        (landed,) = self.append("trigger_mesh_logs", [row])
        waiting = {"ledger_index": landed.ledger_index, "event_id": row["event_id"]}
        self.connection.execute(outbox.insert().values(waiting))

    def mark_source(self, source: str) -> None:
        """From the next transaction on, every row of this log says that it is of this source."""
        self.set_cursor(SOURCE, source)

    def set_cursor(self, reader: str, position: object) -> None:
        """Keep a reader's place, as JSON, together with what was read."""
        self.connection.execute(cursors.delete().where(cursors.c.reader == reader))
        place = {"reader": reader, "position": json.dumps(position)}
        self.connection.execute(cursors.insert().values(place))

    def finish(self) -> None:
        """Grow the tree by this transaction's leaves; called once, before the commit."""
        if not self._leaves:
            return
        size = grow(DatabaseTiles(self.connection), self._start, self._leaves)
        self.connection.execute(ledger_head.update().values(size=size))

    def _add(self, log: LogTable, payloads: Sequence[Payload]) -> list[Landed]:
        key_of = _picker(log, log.key)
        newest = self._newest(log, [key_of(payload) for payload in payloads])
        added: list[dict[str, object]] = []
        encode = row_encoder(list(log.kinds.values()))
        for payload in payloads:
            key = key_of(payload)
            revision, last = newest.get(key, (0, None))
            if payload == last:
                continue
            newest[key] = (revision + 1, payload)
            added.append(self._row(log, payload, revision + 1, encode))
        if added:
            self.connection.execute(log.table.insert(), added)
        return [Landed(row["id"], row["revision"], row["ledger_index"]) for row in added]  # type: ignore[arg-type]

    def _row(
        self,
        log: LogTable,
        payload: Payload,
        revision: int,
        encode: Callable[[Sequence[object]], bytes],
    ) -> dict[str, object]:
        salt = os.urandom(16)
        values = {"id": uuid7(self.now), "revision": revision, "recorded_at": self.now}
        values |= dict(zip(log.payload, payload, strict=True))
        row: dict[str, object] = {name: values[name] for name in log.kinds}
        digest = row_digest(salt, encode(list(row.values())))
        row |= {"ledger_index": self.size, "salt": salt}
        entry = encode_entry(log.name, str(row["id"]), revision, self.now, digest)
        self._leaves.append(leaf_hash(entry))
        return row

    def _newest(self, log: LogTable, keys: Sequence[Payload]) -> dict[Payload, tuple[int, Payload]]:
        """Revision and payload of the newest row of each key that is logged already."""
        first = log.table.c[log.key[0]]
        wanted = set(keys)
        columns = [log.table.c[name] for name in log.payload]
        query = (
            sa.select(log.table.c.revision, *columns)
            .where(first.in_({key[0] for key in wanted}))
            .order_by(log.table.c.revision)
        )
        key_of = _picker(log, log.key)
        found = ((row[0], tuple(row[1:])) for row in self.connection.execute(query))
        return {key_of(payload): (revision, payload) for revision, payload in found}


def _picker(log: LogTable, names: Sequence[str]) -> Callable[[Payload], Payload]:
    places = [log.payload.index(name) for name in names]
    return lambda payload: tuple(payload[place] for place in places)
