"""Sealed parts: the rows of a ledger range in a file that is written once and used by every export.

Under `LOG/sealed/` each table has a Parquet file a range, and `leaves` the leaf hashes of the range
as they stand in the tiles. A range ends at a checkpoint or at a multiple of BLOCK. The index is
written last: a part that it does not name is not there.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError

from grace.errors import CheckFailed, LedgerBroken
from grace.export.frame import schema
from grace.export.parts import LEAVES, Part, Write, part_file, writing_parts
from grace.files import read_text, write_whole
from grace.ledger import tiles
from grace.ledger.note import Checkpoint
from grace.settings import Settings
from grace.store import Store
from grace.store.schema import LOGS, ledger_tiles
from grace.store.tile_table import DatabaseTiles

__all__ = ["BLOCK", "Sealed", "Tell", "seal"]

BLOCK = 1 << 18
# a block that was sealed in more pieces than this is sealed again as one
MOST_PIECES = 24

# what is being done, and how much of it is done already, from 0 to 1
Tell = Callable[[str, float], None]


class _Index(BaseModel):
    """`columns` is what the tables looked like; `root` the tree's at `size`, in hex."""

    version: int = 1
    columns: str = ""
    size: int = 0
    root: str = ""
    parts: dict[str, list[Part]] = {}


@dataclass(frozen=True)
class Sealed:
    """Every row below a checkpoint, by table, and the leaf hashes under LEAVES."""

    folder: Path
    parts: Mapping[str, list[Part]] = field(default_factory=dict)

    def file(self, table: str, part: Part) -> Path:
        return part_file(self.folder, table, part)


def seal(settings: Settings, store: Store, checkpoint: Checkpoint, tell: Tell) -> Sealed:
    """Seal what the checkpoint signs and no part holds yet; the caller keeps other exports away.

    Raises LedgerBroken where the tables do not hold exactly one row for each leaf.
    """
    folder = settings.log_dir / "sealed"
    index = _read(folder, store, checkpoint)
    with writing_parts(store, folder) as write:
        _redo_erased(store, index, checkpoint.size, write, tell)
        _merge(index, checkpoint.size)
        _seal_ranges(store, folder, index, checkpoint.size, write, tell)
    index.size, index.root = checkpoint.size, checkpoint.root.hex()
    write_whole(folder / "index.json", index.model_dump_json(indent=1) + "\n", mode=0o600)
    _sweep(folder, index)
    return Sealed(folder, index.parts)


def _read(folder: Path, store: Store, checkpoint: Checkpoint) -> _Index:
    """The index, empty where it is of another log, another schema or no index at all."""
    new = _Index(columns=_shape(), parts={name: [] for name in (*LOGS, LEAVES)})
    try:
        index = _Index.model_validate_json(read_text(folder / "index.json") or "")
    except ValidationError:
        return new
    if index.columns != new.columns or index.version != new.version:
        return new
    if index.size > checkpoint.size:
        return new
    with store.reading() as connection:
        root = tiles.root(DatabaseTiles(connection), index.size)
    return index if root.hex() == index.root else new


def _shape() -> str:
    told = "\n".join(f"{name} {schema(log)}" for name, log in LOGS.items())
    return hashlib.sha256(told.encode()).hexdigest()


def _ranges(size: int, until: int) -> Iterator[tuple[int, int]]:
    while size < until:
        border = min((size // BLOCK + 1) * BLOCK, until)
        yield size, border
        size = border


def _merge(index: _Index, size: int) -> None:
    """Forget the pieces of the last block where there are too many: they are written as one."""
    if not index.size % BLOCK or size == index.size:
        return
    start = index.size // BLOCK * BLOCK
    pieces = [part for part in index.parts[LEAVES] if part.low >= start]
    if len(pieces) >= MOST_PIECES:
        for name, parts in index.parts.items():
            index.parts[name] = [part for part in parts if part.low < start]
        index.size = start


def _seal_ranges(
    store: Store, folder: Path, index: _Index, until: int, write: Write, tell: Tell
) -> None:
    start = index.size
    ranges = list(_ranges(start, until))
    spans = [(name, low, high) for low, high in ranges for name in LOGS]
    with closing(write(spans)) as parts:
        for low, high in ranges:
            done = (low - start) / (until - start)
            tell(f"sealing rows {low:,} to {high:,} of {until:,}", done)
            found = {name: next(parts) for name in LOGS}
            _check_rows(found.values(), low, high)
            for name, part in found.items():
                index.parts[name].append(part)
            index.parts[LEAVES].append(_seal_leaves(store, folder, low, high))


def _check_rows(parts: Iterable[Part], low: int, high: int) -> None:
    rows = sum(part.rows for part in parts)
    if rows != high - low:
        raise LedgerBroken(
            f"the tables hold {rows} rows where the ledger has {high - low} leaves "
            f"({low} to {high}): nothing is exported; run `grace ledger verify`"
        )


def _seal_leaves(store: Store, folder: Path, low: int, high: int) -> Part:
    path = part_file(folder, LEAVES, Part(low=low, high=high, rows=0))
    first = low // tiles.WIDTH
    query = (
        sa.select(ledger_tiles.c.hashes)
        .where(ledger_tiles.c.level == 0)
        .where(ledger_tiles.c.tile.between(first, (high - 1) // tiles.WIDTH))
        .order_by(ledger_tiles.c.tile)
    )
    skip, left = (low - first * tiles.WIDTH) * tiles.HASH, (high - low) * tiles.HASH
    with store.reading() as connection, _writing(path) as file:
        found = connection.execute(query.execution_options(yield_per=256))
        for (hashes,) in found:
            wanted = bytes(hashes)[skip : skip + left]
            file.write(wanted)
            left, skip = left - len(wanted), 0
    if left:
        raise LedgerBroken("the ledger's tiles are cut short: run `grace ledger verify`")
    return _part(path, low, high, high - low, 0)


def _part(path: Path, low: int, high: int, rows: int, erased: int) -> Part:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Part(
        low=low,
        high=high,
        rows=rows,
        erased=erased,
        sha256=digest,
        bytes=path.stat().st_size,
    )


@contextmanager
def _writing(path: Path) -> Iterator[IO[bytes]]:
    """A file that is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    try:
        with open(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _redo_erased(store: Store, index: _Index, size: int, write: Write, tell: Tell) -> None:
    """Write the parts anew whose rows lost their payload since; what was erased must not stay."""
    for name, gone in _erased(store, size).items():
        for place, part in enumerate(index.parts[name]):
            count = sum(part.low <= at < part.high for at in gone)
            if count != part.erased:
                tell(f"writing {name} {part.low:,} to {part.high:,} anew: rows were erased", 0.0)
                (index.parts[name][place],) = write([(name, part.low, part.high)])


def _erased(store: Store, size: int) -> dict[str, list[int]]:
    """The ledger indices below `size`, by table, of rows that an erasure took the payload of."""
    named = LOGS["erasures"].table
    found: dict[str, list[int]] = {}
    with store.reading() as connection:
        for name in connection.execute(sa.select(named.c.table_name).distinct()).scalars():
            if name not in LOGS:
                continue
            table = LOGS[name].table
            query = (
                sa.select(table.c.ledger_index, sa.func.min(named.c.ledger_index))
                .join(named, (named.c.row_id == table.c.id) & (named.c.table_name == name))
                .where(table.c.salt.is_(None), table.c.ledger_index < size)
                .group_by(table.c.ledger_index)
            )
            rows = connection.execute(query).all()
            if any(by >= size for _, by in rows):
                raise CheckFailed(
                    f"a row of {name} was erased since the last checkpoint, which cannot prove it "
                    "yet: `grace ledger sign`, then export again"
                )
            found[name] = [at for at, _ in rows]
    return found


def _sweep(folder: Path, index: _Index) -> None:
    """Remove what the index does not name: parts that were merged, and what a kill left."""
    known = {
        part_file(folder, name, part)
        for name, parts in index.parts.items()
        for part in parts
        if part.rows
    }
    for path in folder.glob("*/*"):
        if path not in known:
            path.unlink()
