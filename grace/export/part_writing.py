"""The rows of a table and a ledger range as a Parquet file that is not in its place yet."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from grace.export.columnar import read_columns
from grace.export.parquet import write_parquet

__all__ = ["PartJob", "Written", "write_part"]


@dataclass(frozen=True)
class PartJob:
    """Rows at `low` to `high` (exclusive) of the SQLite file `database`, to the new file `draft`.

    The file is made only where there are rows.
    """

    database: str
    table: str
    schema: pa.Schema
    low: int
    high: int
    draft: str

    def run(self) -> "Written":
        """Only in a process in which nothing else opens the database."""
        pa.set_memory_pool(pa.system_memory_pool())  # which keeps less of what is free again
        batches = read_columns(self.database, self.table, self.schema, self.low, self.high)
        return write_part(self, batches)


@dataclass(frozen=True)
class Written:
    """`erased` of the rows have no payload any more; `bytes` is the length of the file."""

    rows: int = 0
    erased: int = 0
    sha256: str = ""
    bytes: int = 0


def write_part(job: PartJob, batches: Iterator[pa.RecordBatch]) -> Written:
    first = next(batches, None)
    if first is None:
        return Written()
    counted = _Counted(chain([first], batches))
    with open(os.open(job.draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
        rows = write_parquet(job.schema, counted, file)
        file.flush()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return Written(rows, counted.erased, digest, file.tell())


class _Counted:
    """Batches, and in how many of their rows the salt is gone."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self.batches = batches
        self.erased = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self.batches:
            self.erased += batch.column("salt").null_count
            yield batch
