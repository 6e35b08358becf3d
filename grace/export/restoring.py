"""An archive into an empty database: in one transaction, and proven from what it then holds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from grace.errors import BadInput, CheckFailed
from grace.export.archive import Archive
from grace.export.frame import columns
from grace.export.proving import (
    CHECKPOINTS,
    Leaves,
    batches_of,
    check_batches,
    check_tree,
    checkpoint_lines,
    erased_digests,
    signed_by,
)
from grace.export.request import ALWAYS
from grace.export.rows import read_rows
from grace.export.sealing import Tell
from grace.ledger.note import Checkpoint, Note, VerifierKey
from grace.ledger.tiles import grow
from grace.store import Store, Writer
from grace.store.append_only import create_triggers, drop_triggers
from grace.store.schema import LOGS, LogTable, checkpoints, ledger_head, proposal_heads
from grace.store.tile_table import DatabaseTiles

__all__ = ["Restored", "restore"]

ROWS = 8192


@dataclass(frozen=True)
class Restored:
    """`partial` where not every table was restored: such a log can be read, not continued."""

    rows: int
    tables: dict[str, int]
    size: int
    origin: str
    partial: bool
    new_origin: bool


def restore(
    archive: Archive,
    store: Store,
    key: VerifierKey,
    now: datetime,
    *,
    tables: Sequence[str] = (),
    new_origin: bool = False,
    check: Callable[[sa.Connection], None] = lambda _: None,
    tell: Tell,
) -> Restored:
    """Fill the store's empty database; it stays empty where anything does not hold.

    What is proven against the ledger is read back from the database. `check` sees it before it is
    committed, and may raise. With `new_origin` the log goes on under a key of its own: its first
    new row holds the old log's last checkpoint. Raises BadInput where the target is not empty or
    the archive does not hold what was asked for.
    """
    chosen = _chosen(archive, tables)
    checkpoint = signed_by(archive, key)
    leaves = Leaves(archive)
    check_tree(archive, leaves, checkpoint, key)
    partial = set(chosen) != set(LOGS)
    if partial and new_origin:
        raise BadInput("a log goes on only with all its tables: restore them all")
    with _one_transaction(store) as connection:
        _check_empty(connection)
        rows = _fill(archive, connection, chosen, leaves, tell)
        if not partial:
            _rebuild_heads(connection)
        check(connection)
        if new_origin:
            _begin_origin(connection, archive.manifest.checkpoint, checkpoint, now)
        else:
            _keep_checkpoints(archive, connection)
    return Restored(
        sum(rows.values()), rows, checkpoint.size, checkpoint.origin, partial, new_origin
    )


@contextmanager
def _one_transaction(store: Store) -> Iterator[sa.Connection]:
    options = {"writes": True}
    try:
        with store.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except sa.exc.DBAPIError as problem:
        said = str(problem.orig).split("\n")[0]
        raise BadInput(f"the target refuses it and stays empty: {said}") from problem


def _chosen(archive: Archive, tables: Sequence[str]) -> list[str]:
    manifest = archive.manifest
    if manifest.low or manifest.newest or not manifest.tables:
        raise BadInput(
            "only an export of all revisions from the first row on can be restored; this one holds "
            "a part, for reading"
        )
    if unknown := [name for name in tables if name not in manifest.tables]:
        raise BadInput(
            f"it does not hold {', '.join(unknown)}; it has {', '.join(manifest.tables)}"
        )
    wanted = {*tables, ALWAYS} if tables else set(manifest.tables)
    return [name for name in LOGS if name in wanted and name in manifest.tables]


def _check_empty(connection: sa.Connection) -> None:
    for table in (*(log.table for log in LOGS.values()), checkpoints):
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise BadInput(f"the target holds rows in {table.name}: restore into an empty database")
    if connection.execute(sa.select(ledger_head.c.size)).scalar_one():
        raise BadInput("the target's ledger is not empty: restore into an empty database")


def _fill(
    archive: Archive,
    connection: sa.Connection,
    chosen: Sequence[str],
    leaves: Leaves,
    tell: Tell,
) -> dict[str, int]:
    """Rows, tree and head; then every row read back and held against its leaf."""
    size = archive.manifest.size
    with _without_triggers(connection):
        for place, name in enumerate(chosen):
            tell(f"restoring {name}", place / len(chosen) * 0.6)
            for batch in batches_of(archive, name):
                _insert(connection, LOGS[name], batch)
    grown = 0
    for block in leaves.blocks():
        grown = grow(DatabaseTiles(connection), grown, block)
    connection.execute(ledger_head.update().values(size=size))
    erased, found = erased_digests(archive), {}
    for place, name in enumerate(chosen):
        tell(f"proving {name}", 0.6 + place / len(chosen) * 0.4)
        batches = read_rows(connection, LOGS[name], 0, size)
        found[name] = check_batches(name, batches, leaves, erased)
        if found[name] != archive.manifest.tables[name].rows:
            raise CheckFailed(f"{found[name]} rows of {name} were restored, not all of them")
    if set(chosen) == set(LOGS) and sum(found.values()) != size:
        raise CheckFailed(f"it holds {sum(found.values())} of the {size} rows that were signed")
    return found


class _without_triggers:  # noqa: N801 - a context manager, read as a phrase
    """Each row would otherwise be looked up three times; what they refuse cannot be in it."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.applies = connection.dialect.name == "sqlite"

    def __enter__(self) -> None:
        for statement in drop_triggers() if self.applies else ():
            self.connection.exec_driver_sql(statement)

    def __exit__(self, kind: object, *problem: object) -> None:
        if kind is None:
            for statement in create_triggers() if self.applies else ():
                self.connection.exec_driver_sql(statement)


def _insert(connection: sa.Connection, log: LogTable, batch: pa.RecordBatch) -> None:
    names = columns(log)
    is_sqlite = connection.dialect.name == "sqlite"
    mark = "?" if is_sqlite else "%s"
    quoted = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join([mark] * len(names))
    statement = f"INSERT INTO {log.name} ({quoted}) VALUES ({marks})"
    cells = [_cells(array, is_sqlite) for array in batch.columns]
    connection.exec_driver_sql(statement, list(zip(*cells, strict=True)))


def _cells(array: pa.Array, is_sqlite: bool) -> list[Any]:
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    if is_sqlite and pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    return array.to_pylist()  # type: ignore[no-any-return]


def _rebuild_heads(connection: sa.Connection) -> None:
    """Where each proposal stands: derived from the newest revision of its row."""
    table = LOGS["proposals"].table
    later = table.alias("later")
    newer = sa.exists().where(
        later.c.proposal_id == table.c.proposal_id, later.c.revision > table.c.revision
    )
    names = [column.name for column in proposal_heads.c]
    query = sa.select(*(table.c[name] for name in names)).where(~newer, table.c.salt.is_not(None))
    connection.execute(proposal_heads.insert().from_select(names, query))


def _keep_checkpoints(archive: Archive, connection: sa.Connection) -> None:
    with archive.open(CHECKPOINTS) as file:
        for values in _in_batches(_signed(checkpoint_lines(file))):
            connection.execute(checkpoints.insert(), values)


def _signed(lines: Iterator[tuple[str, datetime]]) -> Iterator[dict[str, Any]]:
    for note, at in lines:
        size = Checkpoint.parse(Note.parse(note).text).size
        yield {"size": size, "note": note, "signed_at": at}


def _in_batches(values: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    held: list[dict[str, Any]] = []
    for value in values:
        held.append(value)
        if len(held) == ROWS:
            yield held
            held = []
    if held:
        yield held


def _begin_origin(
    connection: sa.Connection, note: str, checkpoint: Checkpoint, now: datetime
) -> None:
    writer = Writer(connection, now)
    writer.event("ledger.restored", checkpoint.origin, {"checkpoint": note})
    writer.finish()
