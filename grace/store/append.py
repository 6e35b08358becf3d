"""The one way into a log table: row, ledger leaf and event in one transaction.

The ledger head is locked for the whole transaction, so the order of indices is the order of
commits, without gaps, and *all rows below N* is one consistent snapshot.
"""

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from grace.errors import BadInput
from grace.ledger.encoding import encode_columns
from grace.ledger.entry import encode_entries
from grace.ledger.merkle import leaf_hash
from grace.ledger.tiles import HASH, WIDTH, MemoryTiles, grow
from grace.store.ids import uuid7, uuid7s
from grace.store.payloads import NO_ZERO, log_table, payload_columns, zero_in
from grace.store.plain import Row, Statement, execute, insert_rows, newest_rows
from grace.store.schema import ALIASES, OWN_SOURCES, SIMULATOR, LogTable, cursors, outbox
from grace.store.tile_table import DatabaseTiles, puts
from grace.values import microseconds

__all__ = [
    "CHUNK",
    "NO_ZERO",
    "OWN_SOURCES",
    "SIMULATOR",
    "Expected",
    "Landed",
    "Writer",
    "log_table",
]

SOURCE = "source"  # the cursor that holds the one source of a log whose rows have no other
CHUNK = 400  # rows at a time: SQLite allows 999 variables a statement in its oldest builds
SALT_BYTES = 16
# the head, of which there is one row, and with it what every transaction needs; a statement of its
# own, for PostgreSQL gives one that waited for a lock what was there before
BEGINNING = f"""SELECT size, (SELECT position FROM cursors WHERE reader = '{SOURCE}'),
    (SELECT hashes FROM ledger_tiles WHERE level = 0 AND tile = size / {WIDTH}) FROM ledger_head"""
# writers wait here in the order they came: who waits for the head's row may be overtaken
TURN = f"SELECT pg_advisory_xact_lock('ledger_head'::regclass::oid::bigint + {1 << 40})"

Columns = Sequence[Sequence[Any]]
Key = tuple[Any, ...]


class Landed(NamedTuple):
    """A row that the transaction added."""

    id: str
    revision: int
    ledger_index: int


class Expected(NamedTuple):
    """Rows of the first `append`, by the first column of their key: they are looked up with the
    answer that brings the lock, so that one answer less is waited for while it is held."""

    table: str
    keys: frozenset[object]


class Writer:
    """An open transaction that holds the ledger head; made by `Store.writing`.

    What it adds may wait until something is read or committed: then it goes to PostgreSQL at once.
    """

    def __init__(
        self, connection: Connection, now: datetime, expected: Expected | None = None
    ) -> None:
        self._connection = connection
        self._waiting: list[Statement] = []
        self.now = now
        # SQLite's lock is taken by now
        begin: list[Statement] = [(BEGINNING, ())]
        if self._on_postgresql:
            begin = [(TURN, ()), (f"{BEGINNING} FOR UPDATE OF ledger_head", ())]
        look_up = []
        if expected is not None:
            look_up = [newest_rows(connection, log_table(expected.table), expected.keys)]
        found = execute(connection, *begin, *look_up)
        ((size, source, tile),) = found[len(begin) - 1]
        self._expected = expected
        self._found = found[-1]
        self._start: int = size
        self._source: str | None = None if source is None else json.loads(source)
        self._last_tile = bytes(tile or b"")
        self._leaves: list[bytes] = []

    @property
    def connection(self) -> Connection:
        """To read what was added so far and before; taken anew after each `append`."""
        if self._waiting:
            execute(self._connection, *self._waiting)
            self._waiting = []
        return self._connection

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
        columns = payload_columns(log, rows, source, self.now)
        if self.lacks_zero and any(map(zero_in, columns)):
            raise BadInput(f"{log.name}: {NO_ZERO}")
        starts = range(0, len(columns[0]), CHUNK)
        chunks = ([column[at : at + CHUNK] for column in columns] for at in starts)
        return [landed for chunk in chunks for landed in self._add(log, chunk)]

    @property
    def _on_postgresql(self) -> bool:
        return self._connection.dialect.name == "postgresql"

    @property
    def lacks_zero(self) -> bool:
        """Whether this database cannot hold U+0000 in text; JSON has it escaped, and may."""
        return self._on_postgresql

    def unfit(self, table: str, row: Mapping[str, object]) -> str | None:
        """Why this database cannot hold a row that its table can, if so: column and reason."""
        if not self.lacks_zero or not zero_in(row.values()):
            return None
        kinds = log_table(table).kinds
        texts = (name for name in row if kinds.get(ALIASES.get(name, name)) == "text")
        found = (name for name in texts if zero_in([row[name]]))
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
        """Grow the tree by this transaction's leaves; called once, as the transaction ends."""
        if not self._leaves:
            return
        tiles = MemoryTiles(below=DatabaseTiles(self._connection))
        number, held = divmod(self._start, WIDTH)
        if len(self._last_tile) == held * HASH:  # else it is read, and what is wrong with it told
            tiles.put(0, number, self._last_tile)
        grow(tiles, self._start, self._leaves)
        head = ("UPDATE ledger_head SET size = ?", (self.size,))
        # with these, who waits for the writers' lock waits for one answer less
        commit = [("COMMIT", ())] if self._on_postgresql else []
        execute(self._connection, *self._waiting, *puts(tiles), head, *commit)

    def _add(self, log: LogTable, columns: Columns) -> list[Landed]:
        """Rows given as columns of their payloads."""
        revisions, columns = self._revised(log, columns)
        if not revisions:
            return []
        count = len(revisions)
        ids, times = uuid7s(self.now, count), [microseconds(self.now)] * count
        salts, indices = _salts(count), range(self.size, self.size + count)
        hashed: list[Sequence[Any]] = [ids, revisions, times, *columns]
        rows: Iterable[tuple[Any, ...]] = zip(*hashed, indices, salts, strict=True)
        self._waiting += insert_rows(self.connection, log, list(rows))
        self._leaves.extend(_leaves(log, hashed, salts))
        return list(map(Landed, ids, revisions, indices))

    def _revised(self, log: LogTable, columns: Columns) -> tuple[list[int], Columns]:
        """Revisions of the rows that are new, and the columns of these."""
        keys = list(zip(*(columns[log.payload.index(name)] for name in log.key), strict=True))
        newest = self._newest(log, set(keys))
        if not newest and len(set(keys)) == len(keys):
            return [1] * len(keys), columns
        revisions, added = [], []
        for key, payload in zip(keys, zip(*columns, strict=True), strict=True):
            revision, last = newest.get(key, (0, None))
            if payload != last:
                newest[key] = (revision + 1, payload)
                revisions.append(revision + 1)
                added.append(payload)
        return revisions, list(zip(*added, strict=True))

    def _newest(self, log: LogTable, keys: Collection[Key]) -> dict[Key, tuple[int, Key]]:
        """Revision and payload of the newest row of each key that is logged already."""
        places = [log.payload.index(name) for name in log.key]
        payloads = (
            (revision, tuple(payload))
            for revision, *payload in self._looked_up(log, frozenset(key[0] for key in keys))
        )
        return {tuple(row[1][at] for at in places): row for row in payloads}

    def _looked_up(self, log: LogTable, keys: frozenset[object]) -> list[Row]:
        known = self._expected
        if known and known.table == log.name and keys <= known.keys and not self._leaves:
            return self._found
        (found,) = execute(self.connection, newest_rows(self.connection, log, keys))
        return found


def _salts(count: int) -> list[bytes]:
    random = os.urandom(SALT_BYTES * count)
    return [random[at : at + SALT_BYTES] for at in range(0, len(random), SALT_BYTES)]


def _leaves(log: LogTable, hashed: Columns, salts: Sequence[bytes]) -> list[bytes]:
    """Leaf hashes of rows given as all their columns that are hashed."""
    ids, revisions, times, *_ = hashed
    rows = encode_columns(log.kinds.values(), hashed, salts)
    digests = [sha256(row).digest() for row in rows]
    names = [id.encode() for id in ids]
    return list(map(leaf_hash, encode_entries(log.name, names, revisions, times, digests)))
