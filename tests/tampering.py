"""A log with rows in every table, and the hands of somebody who can write to its file."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grace.ledger.note import Checkpoint
from grace.ledger.tiles import MemoryTiles, grow
from grace.notary.layout import log_rows
from grace.notary.rows import leaves
from grace.notary.signer import sign
from grace.notary.verify import Verification, verify
from grace.settings import Settings
from grace.store import open_store
from grace.store.append_only import drop_triggers
from grace.store.schema import LOGS

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def entropy(seed: int = 0) -> "object":
    """Bytes that are no secret: the same key in every test."""
    return lambda count: bytes((seed + place) % 256 for place in range(count))


def row_of(table: str, number: int, odd: str = "\x00") -> dict[str, object]:
    """A row with something in every column that a caller gives; `odd` is in its texts."""
    values: dict[str, object] = {
        "text": f"té{odd}xt\n{number}",
        "integer": 2**62 + number,
        "float": 0.1 + number,
        "boolean": number % 2 == 0,
        "time": NOW + timedelta(microseconds=number),
        "json": {"n": [number, None, "é"]},
    }
    log = LOGS[table]
    row = {name: values[log.kinds[name]] for name in log.payload}
    keys = {name: f"{table}-{name}-{number}" for name in log.key}
    return row | keys


@dataclass(frozen=True)
class Log:
    """One log: its settings, and what tests do to it."""

    settings: Settings

    @property
    def path(self) -> Path:
        return self.settings.log_dir / "grace.db"

    def write(self, rounds: int, start: int = 0) -> None:
        """A row in each of the sixteen tables, `rounds` times, each round one transaction."""
        store = open_store(self.settings.url)
        for number in range(start, start + rounds):
            with store.writing(NOW + timedelta(seconds=number)) as writer:
                for table in LOGS:
                    writer.append(table, [row_of(table, number)])
        store.engine.dispose()

    def write_goals(self, count: int, start: int = 0) -> None:
        """Rows of one table in one transaction: many leaves in little time."""
        store = open_store(self.settings.url)
        rows = [row_of("goals", number) for number in range(start, start + count)]
        with store.writing(NOW) as writer:
            writer.append("goals", rows)
        store.engine.dispose()

    def sign(self, seed: int = 0) -> Checkpoint:
        store = open_store(self.settings.url)
        signed = sign(self.settings, store, NOW, entropy=entropy(seed))
        store.engine.dispose()
        return signed

    def verify(self, **given: object) -> Verification:
        store = open_store(self.settings.url, create=False)
        found = verify(self.settings, store, **given)
        store.engine.dispose()
        return found

    @contextmanager
    def attack(self) -> Iterator[sqlite3.Connection]:
        """The file as somebody opens it who needs no permission of Grace's."""
        connection = sqlite3.connect(self.path)
        for statement in drop_triggers():
            connection.execute(statement)
        try:
            yield connection
            connection.commit()
        finally:
            connection.close()

    def table_at(self, connection: sqlite3.Connection, index: int) -> str:
        query = "SELECT count(*) FROM {} WHERE ledger_index = ?"
        return next(
            name for name in LOGS if connection.execute(query.format(name), (index,)).fetchone()[0]
        )

    def copied(self, folder: Path) -> "Log":
        """The same log elsewhere: one to spoil."""
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        shutil.copytree(self.settings.data_dir, folder)
        return replace(self, settings=self.settings.model_copy(update={"data_dir": folder}))


def recompute(connection: sqlite3.Connection) -> int:
    """Give the rows, as they are now, the tree they would have; a forger needs no key for it."""
    factory, connection.text_factory = connection.text_factory, bytes
    hashes: dict[int, bytes] = {}
    for table in log_rows():
        for indices, found in leaves(connection, table):
            hashes |= dict(zip(indices, found, strict=True))
    connection.text_factory = factory
    tiles = MemoryTiles()
    size = grow(tiles, 0, [hashes[index] for index in sorted(hashes)])
    connection.execute("DELETE FROM ledger_tiles")
    rows = [(level, tile, held) for (level, tile), held in tiles.held.items()]
    connection.executemany("INSERT INTO ledger_tiles VALUES (?, ?, ?)", rows)
    connection.execute("UPDATE ledger_head SET size = ?", (size,))
    return size
