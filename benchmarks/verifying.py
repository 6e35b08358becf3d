"""What checking the ledger costs: `python -m benchmarks.verifying [ROWS] [LEAVES]`.

Verification of a whole log in SQLite (every row against its leaf, leaves against tiles, tree
against checkpoints) against reading the same rows with `sqlite3` and `fetchmany`, alternating; by
default 200,000 rows in four tables. And a proof of inclusion in a tree of a million leaves
(LEAVES), each of another leaf, read from the database. Exits with 1 where the median verification
takes more than twice the median reading, where a proof in the median takes more than 1 ms, or where
anything does not hold.
"""

import os
import random
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks import table
from grace.ledger import merkle, tiles
from grace.notary.signer import sign
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.schema import LOGS, ledger_head, ledger_tiles
from grace.store.tile_table import DatabaseTiles

ROWS, LEAVES = 200_000, 1_000_000
ROUNDS = 7
PROOFS = 300
PAGE = 1000  # rows a fetchmany
ROWS_A_TRANSACTION = 2000
BAR_RATIO, BAR_MS = 2.0, 1.0
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEPT = ("healing_attempts", "agentic_spine_logs", "trigger_mesh_logs", "parallel_process_logs")


def _row(name: str, number: int) -> dict[str, object]:
    """Two columns in three say something, as in rows read from Prefect."""
    values: dict[str, object] = {
        "text": f"of task {number % 97} in run {number}",
        "integer": number,
        "float": number / 7,
        "boolean": number % 3 > 0,
        "time": NOW + timedelta(seconds=number),
        "json": {"page": number % 13, "host": "worker"},
    }
    log = LOGS[name]
    filled = [column for place, column in enumerate(log.payload) if place % 3 != 2]
    row = {column: values[log.kinds[column]] for column in (*filled, log.time)}
    return row | {log.key[0]: f"{name}-{number}"}


def _fill(store: Store, count: int) -> None:
    for begin in range(0, count, ROWS_A_TRANSACTION):
        numbers = range(begin, min(begin + ROWS_A_TRANSACTION, count))
        with store.writing(NOW + timedelta(seconds=begin)) as writer:
            for place, name in enumerate(KEPT):
                writer.append(name, [_row(name, n) for n in numbers if n % len(KEPT) == place])


def _read(path: Path) -> int:
    connection = sqlite3.connect(path)
    rows = sum(map(len, _pages(connection)))
    connection.close()
    return rows


def _pages(connection: sqlite3.Connection) -> Iterator[list[object]]:
    for name in LOGS:
        cursor = connection.execute(f"SELECT * FROM {name}")
        while page := cursor.fetchmany(PAGE):
            yield page


def _verification(folder: Path, count: int) -> tuple[list[str], bool]:
    settings = Settings(data_dir=folder)
    store = open_store(settings.url)
    _fill(store, count)
    sign(settings, store, NOW)
    path = settings.log_dir / "grace.db"
    reading, checking, holds = [], [], True
    for _ in range(ROUNDS):
        begin = perf_counter()
        holds &= _read(path) == count
        middle = perf_counter()
        found = verify(settings, store)
        checking.append(perf_counter() - middle)
        reading.append(middle - begin)
        holds &= found.ok and found.size == found.signed_size == count
    store.engine.dispose()
    read, checked = median(reading), median(checking)
    size = f"{path.stat().st_size / 2**20:,.0f} MiB"
    line = [f"{count:,}", size, f"{read:.2f}", f"{checked:.2f}", f"{checked / read:.2f}"]
    return line, holds and checked <= BAR_RATIO * read


def _proofs(folder: Path, leaves: int) -> tuple[list[str], bool]:
    """Leaves that are random: a proof does not look at the rows."""
    store = open_store(f"sqlite:///{folder / 'tall.db'}")
    grown = tiles.MemoryTiles()
    tiles.grow(grown, 0, [os.urandom(tiles.HASH) for _ in range(leaves)])
    kept = [{"level": at[0], "tile": at[1], "hashes": held} for at, held in grown.held.items()]
    with store.writing(NOW) as writer:
        writer.connection.execute(ledger_tiles.insert(), kept)
        writer.connection.execute(ledger_head.update().values(size=leaves))
    root, times, holds = tiles.root(grown, leaves), [], True
    chance = random.Random(7)
    with store.reading() as connection:
        for index in (chance.randrange(leaves) for _ in range(PROOFS)):
            begin = perf_counter()
            proof = tiles.inclusion_proof(DatabaseTiles(connection), leaves, index)
            times.append((perf_counter() - begin) * 1000)
            leaf = tiles.leaf(grown, index)
            holds &= merkle.verify_inclusion(leaf, index, leaves, proof, root)
    store.engine.dispose()
    times.sort()
    line = [f"{leaves:,}", f"{median(times):.2f}", f"{times[PROOFS * 99 // 100]:.2f}"]
    return line, holds and median(times) <= BAR_MS


def main(rows: int, leaves: int) -> int:
    with TemporaryDirectory() as folder:
        checked, rows_hold = _verification(Path(folder), rows)
        proven, proofs_hold = _proofs(Path(folder), leaves)
    print(table(("rows", "database", "s to read", "s to verify", "ratio"), [checked]))
    print()
    print(table(("leaves", "p50 ms a proof", "p99 ms a proof"), [proven]))
    return 0 if rows_hold and proofs_hold else 1


if __name__ == "__main__":
    given = [int(number) for number in sys.argv[1:]]
    sys.exit(main(*given, *(ROWS, LEAVES)[len(given) :]))
