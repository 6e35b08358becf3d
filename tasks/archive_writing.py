"""The files of an archive, from the sealed parts: copied where they fit, else written from them."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grace.errors import CheckFailed
from grace.export import manifest as manifests
from grace.export.manifest import File, Manifest, Table
from grace.export.parts import LEAVES, Part
from grace.export.proving import CHECKPOINTS
from grace.export.request import ExportRequest
from grace.export.rows import superseded
from grace.export.sealing import Sealed, Tell
from grace.export.validated import Validated
from grace.export.writing import write_rows
from grace.ledger import tiles
from grace.ledger.note import Checkpoint
from grace.store import Store
from grace.store.schema import LOGS
from grace.store.schema import checkpoints as checkpoints_table
from grace.store.tile_table import DatabaseTiles
from tasks.archive_target import Adding

__all__ = ["ArchiveWriting"]

ROWS = 8192
BLOCK = 1 << 20


@dataclass
class ArchiveWriting:
    """One archive being written: `write` does it all."""

    store: Store
    request: ExportRequest
    sealed: Sealed
    checkpoint: Checkpoint
    note: str
    low: int
    validated: Validated | None
    now: datetime
    files: list[File] = field(default_factory=list)

    def write(self, adding: Adding, key: str, tell: Tell) -> Manifest:
        self._ledger(adding, key)
        for place, name in enumerate(self.request.chosen):
            tell(f"writing {name}", place / len(self.request.chosen))
            self._table(adding, name)
        if self.validated is not None:
            text = json.dumps(self.validated.result, indent=1, sort_keys=True)
            self._add(adding, "validation.json", text.encode() + b"\n")
        made = self._manifest()
        with adding(manifests.MANIFEST) as out:
            out.write(manifests.dump(made))
        tell("written", 1.0)
        return made

    def _ledger(self, adding: Adding, key: str) -> None:
        """Leaf hashes from `low` on, all checkpoints below the size, and the public key."""
        self._add(adding, "ledger/key.pub", f"{key}\n".encode())
        with self._adding(adding, CHECKPOINTS, None) as (out, counted):
            for line in self._checkpoints():
                out.write(line)
                counted.rows += 1
        for part in self._parts(LEAVES):
            start = max(part.low, self.low)
            with open(self.sealed.file(LEAVES, part), "rb") as found:
                found.seek((start - part.low) * tiles.HASH)
                name = f"leaves/{start:012d}-{part.high:012d}.hashes"
                with self._adding(adding, name, None) as (out, counted):
                    counted.rows = part.high - start
                    shutil.copyfileobj(found, out, BLOCK)

    def _checkpoints(self) -> Iterator[bytes]:
        columns = checkpoints_table.c
        query = (
            checkpoints_table.select()
            .where(columns.size <= self.checkpoint.size)
            .order_by(columns.size)
        )
        with self.store.reading() as connection:
            for row in connection.execute(query.execution_options(yield_per=1000)):
                told = {"size": row.size, "note": row.note, "signed_at": row.signed_at.isoformat()}
                yield json.dumps(told).encode() + b"\n"

    def _table(self, adding: Adding, name: str) -> None:
        if self.request.format == "parquet":
            for part in self._parts(name):
                self._part(adding, name, part)
            return
        file = f"{name}.{self.request.format}"
        with self._adding(adding, file, name) as (out, counted):
            counted.rows = write_rows(
                self.request.format, LOGS[name], self._batches(name, self._parts(name)), out
            )

    def _part(self, adding: Adding, name: str, part: Part) -> None:
        file = f"{name}/{part.span}.parquet"
        if part.low >= self.low and not self.request.newest:
            with open(self.sealed.file(name, part), "rb") as found:
                with self._adding(adding, file, name) as (out, counted):
                    counted.rows = part.rows
                    shutil.copyfileobj(found, out, BLOCK)
                if self.files[-1].sha256 != part.sha256:
                    raise CheckFailed(
                        f"{found.name} is not as it was sealed: move {self.sealed.folder} away, "
                        "then export again"
                    )
            return
        with self._adding(adding, file, name) as (out, counted):
            counted.rows = write_rows("parquet", LOGS[name], self._batches(name, [part]), out)

    def _parts(self, name: str) -> list[Part]:
        return [part for part in self.sealed.parts[name] if part.rows and part.high > self.low]

    def _batches(self, name: str, parts: Sequence[Part]) -> Iterator[pa.RecordBatch]:
        for part in parts:
            gone = self._gone(name, part)
            with pq.ParquetFile(self.sealed.file(name, part), pre_buffer=False) as opened:
                for batch in opened.iter_batches(batch_size=ROWS):
                    yield self._kept(batch, part, gone)

    def _gone(self, name: str, part: Part) -> pa.Array:
        """The rows that a newer revision below the checkpoint replaces, where it matters."""
        if not self.request.newest:
            return pa.array([], pa.int64())
        with self.store.reading() as connection:
            found = superseded(connection, LOGS[name], part.low, part.high, self.checkpoint.size)
        return pa.array(sorted(found), pa.int64())

    def _kept(self, batch: pa.RecordBatch, part: Part, gone: pa.Array) -> pa.RecordBatch:
        index = batch.column("ledger_index")
        if part.low < self.low:
            batch = batch.filter(pc.greater_equal(index, self.low))
        if len(gone):
            batch = batch.filter(pc.invert(pc.is_in(batch.column("ledger_index"), value_set=gone)))
        return batch

    def _add(self, adding: Adding, name: str, content: bytes) -> None:
        with self._adding(adding, name, None) as (out, _):
            out.write(content)

    @contextmanager
    def _adding(
        self, adding: Adding, name: str, table: str | None
    ) -> "Iterator[tuple[IO[bytes], _Counted]]":
        with adding(name) as out:
            counted = _Counted(out)
            yield counted, counted  # type: ignore[misc]
        self.files.append(
            File(
                name=name,
                table=table,
                rows=counted.rows,
                sha256=counted.sum.hexdigest(),
                bytes=counted.bytes,
            )
        )

    def _manifest(self) -> Manifest:
        with self.store.reading() as connection:
            peaks = tiles.peaks(DatabaseTiles(connection), self.low)
        rows = {
            name: sum(file.rows for file in self.files if file.table == name)
            for name in self.request.chosen
        }
        return Manifest(
            grace_export=manifests.VERSION,
            grace=version("grace-loop"),
            created_at=self.now,
            scope=self.request.scope,
            format=self.request.format,
            newest=self.request.newest,
            low=self.low,
            size=self.checkpoint.size,
            peaks=[peak.hex() for peak in peaks],
            checkpoint=self.note,
            validated=None if self.validated is None else not self.validated.failures,
            tables={
                name: Table(columns=list(LOGS[name].kinds.items()), rows=count)
                for name, count in rows.items()
            },
            files=self.files,
        )


class _Counted:
    """A file being written, and what its entry in the manifest says of it."""

    def __init__(self, out: IO[bytes]) -> None:
        self.out = out
        self.sum = hashlib.sha256()
        self.rows = self.bytes = 0
        self.closed = False

    def write(self, block: bytes) -> int:
        self.sum.update(block)
        self.out.write(block)
        self.bytes += len(block)
        return len(block)

    def tell(self) -> int:
        return self.bytes

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        """The archive's own file is flushed at its end."""

    def close(self) -> None:
        """Writers close what they were given; the archive is not theirs to close."""
