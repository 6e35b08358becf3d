"""The rows of an archive into the tables of an open transaction, and back out to be proven."""

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from grace.errors import CheckFailed
from grace.export.archive import Archive
from grace.export.frame import columns
from grace.export.leaf_job import FoldJob, LeafJob
from grace.export.leaves import Leaves
from grace.export.proving import (
    TABLES,
    Erased,
    RowCheck,
    batches_of,
    erased_digests,
    row_leaves,
)
from grace.export.sealing import Tell
from grace.jobs import Submit, processes
from grace.ledger.tiles import WIDTH, Folds
from grace.notary.stored import Stored, is_sqlite, stored_bytes
from grace.store.append_only import create_triggers, drop_triggers
from grace.store.schema import LOGS

__all__ = ["fill_tables"]

# below so many rows it takes longer to start a process than to hash them here
WORTH_A_PROCESS = 20_000
MOST_WAITING = 4  # batches, of some MiB each
FOLDED_AT_ONCE = 32 * WIDTH
CACHE_KIB = 64 << 10

CHANGES = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"

Rows = list[tuple[Any, ...]]


def fill_tables(
    archive: Archive, connection: sa.Connection, chosen: Sequence[str], leaves: Leaves, tell: Tell
) -> tuple[dict[str, int], Folds]:
    """How many rows each table has now, and roots of the leaves' tiles; CheckFailed where a row is
    not that of its leaf.

    What is hashed is what the database gives back of each batch. A process hashes it while the
    next batch is inserted, where there are many.
    """
    found, erased = {}, erased_digests(archive)
    with processes(1) as submit, _filling(connection), stored_bytes(connection) as stored:
        elsewhere = submit if archive.manifest.rows >= WORTH_A_PROCESS else None
        folding, before = _Folding(leaves, elsewhere), _changes(connection)
        for place, name in enumerate(chosen):
            tell(f"restoring {name}", place / len(chosen))
            proving = _Proving(RowCheck(name, leaves), erased, elsewhere)
            for batch in _ahead(batches_of(archive, name)):
                _insert(connection, name, batch)
                proving.add(_read_back(stored, name, batch, proving.added))
                folding.go_on()
            found[name] = proving.finish()
            if found[name] != archive.manifest.tables[name].rows:
                raise CheckFailed(f"{found[name]} rows of {name} were restored, not all of them")
        if _changes(connection) - before != sum(found.values()):
            raise CheckFailed("the target changes rows by itself: restore into a new database")
        return found, folding.finish()


def _changes(connection: sa.Connection) -> int:
    """Rows inserted, changed and deleted in this session, by whatever the database does itself."""
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        return raw.total_changes
    return int(connection.exec_driver_sql(CHANGES).scalar_one())


class _Folding:
    """Roots of the leaves' tiles; none where no process does it, and who grows the tree has to."""

    def __init__(self, leaves: Leaves, submit: Submit | None) -> None:
        hashes = leaves.aligned(FOLDED_AT_ONCE)
        self.folded = map(submit, map(FoldJob, hashes)) if submit else iter(())
        self.results: list[Future[list[bytes]]] = []

    def go_on(self) -> bool:
        """Some more of them: not all at once, or their leaves would all be in memory."""
        submitted = next(self.folded, None)
        if submitted is not None:
            self.results.append(submitted)
        return submitted is not None

    def finish(self) -> Folds:
        while self.go_on():
            self.results[-1].result()
        return dict(enumerate(root for one in self.results for root in one.result()))


class _Proving:
    """The rows of one table, and those that are being hashed."""

    def __init__(self, check: RowCheck, erased: Erased, submit: Submit | None) -> None:
        self.check = check
        self.erased = erased
        self.submit = submit
        self.added = 0
        self.waiting: deque[tuple[Rows, Future[list[bytes] | None]]] = deque()

    def add(self, rows: Rows) -> None:
        job = LeafJob.of(TABLES[self.check.table], rows)
        self.added += len(rows)
        if self.submit is None:
            self._check(rows, job.run())
            return
        self.waiting.append((rows, self.submit(job)))
        while len(self.waiting) > MOST_WAITING:
            self._next()

    def finish(self) -> int:
        while self.waiting:
            self._next()
        return self.check.count

    def _next(self) -> None:
        rows, hashed = self.waiting.popleft()
        self._check(rows, hashed.result())

    def _check(self, rows: Rows, hashes: Sequence[bytes | None] | None) -> None:
        if hashes is None:
            *cells, salts, _ = zip(*rows, strict=True)
            hashes = row_leaves(self.check.table, cells, salts, self.erased)
        self.check.add([row[-1] for row in rows], hashes)


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The next one is read and unpacked while this one is worked on."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


@contextmanager
def _filling(connection: sa.Connection) -> Iterator[None]:
    """SQLite without triggers, by which each row would be looked up three times, and what they
    refuse cannot be in it; and with a cache that holds the pages that are written to."""
    on_sqlite = connection.dialect.name == "sqlite"
    for statement in (*drop_triggers(), f"PRAGMA cache_size = -{CACHE_KIB}") if on_sqlite else ():
        connection.exec_driver_sql(statement)
    yield
    for statement in (*create_triggers(), "PRAGMA cache_size = -2000") if on_sqlite else ():
        connection.exec_driver_sql(statement)


def _insert(connection: sa.Connection, table: str, batch: pa.RecordBatch) -> None:
    quoted = ", ".join(f'"{name}"' for name in columns(LOGS[table]))
    on_sqlite = connection.dialect.name == "sqlite"
    rows = zip(*(_cells(array, on_sqlite) for array in batch.columns), strict=True)
    if on_sqlite:
        marks = ", ".join("?" * batch.num_columns)
        statement = f"INSERT INTO {table} ({quoted}) VALUES ({marks})"
        connection.exec_driver_sql(statement, list(rows))
        return
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({quoted}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _cells(array: pa.Array, on_sqlite: bool) -> list[Any]:
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    if on_sqlite and pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    return array.to_pylist()  # type: ignore[no-any-return]


def _read_back(stored: Stored, table: str, batch: pa.RecordBatch, added: int) -> Rows:
    """As `grace.notary.rows.leaves` reads: on SQLite in the order of the table, by no index."""
    names = ", ".join(f'"{name}"' for name in (*LOGS[table].kinds, "salt", "ledger_index"))
    query = f"SELECT {names} FROM {table}"
    if is_sqlite(stored):
        query += " NOT INDEXED WHERE rowid > ? AND rowid <= ?"
        span = (added, added + batch.num_rows)
    else:
        query += " WHERE ledger_index BETWEEN ? AND ? ORDER BY ledger_index"
        indices = batch.column("ledger_index")
        span = (indices[0].as_py(), indices[-1].as_py())
    return stored.execute(query, span).fetchall()  # type: ignore[no-any-return]
