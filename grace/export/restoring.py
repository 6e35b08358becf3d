"""An archive into an empty database: in one transaction, and proven from what it then holds."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa

from grace.errors import BadInput, CheckFailed
from grace.export.archive import Archive
from grace.export.filling import fill_tables
from grace.export.leaves import Leaves
from grace.export.proving import CHECKPOINTS, check_tree, checkpoint_lines, signed_by
from grace.export.request import ALWAYS
from grace.export.sealing import Tell
from grace.ledger.note import Checkpoint, Note, VerifierKey
from grace.ledger.tiles import Folds, grow
from grace.store import Store, Writer
from grace.store.schema import LOGS, checkpoints, ledger_head, proposal_heads
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
    partial = set(chosen) != set(LOGS)
    if partial and new_origin:
        raise BadInput("a log goes on only with all its tables: restore them all")
    with _one_transaction(store) as connection:
        _check_empty(connection)
        rows, folds = fill_tables(archive, connection, chosen, leaves, tell)
        check_tree(archive, leaves, checkpoint, key, folds)
        _grow(connection, leaves, folds)
        if not partial and sum(rows.values()) != checkpoint.size:
            raise CheckFailed(
                f"it holds {sum(rows.values())} of the {checkpoint.size} rows that were signed"
            )
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
    except (sa.exc.DBAPIError, sqlite3.Error, psycopg.Error) as problem:
        said = str(getattr(problem, "orig", problem)).split("\n")[0]
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


def _grow(connection: sa.Connection, leaves: Leaves, folds: Folds) -> None:
    """The tree, tile by tile, and its head."""
    grown = 0
    for block in leaves.blocks():
        grown = grow(DatabaseTiles(connection), grown, block, folds)
    connection.execute(ledger_head.update().values(size=grown))


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
