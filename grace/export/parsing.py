"""A file of each format as Arrow batches again: exactly what `grace.export.writing` was given."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import IO, Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from grace.errors import CheckFailed
from grace.export.frame import columns, schema
from grace.export.manifest import Format
from grace.export.text_cells import from_csv, from_json, kinds
from grace.store.schema import LogTable

__all__ = ["parse_rows"]

ROWS = 8192
LINES = 2000
# longer than any text that a column takes, so that a line without an end is no way to fill memory
LONGEST_LINE = 1 << 30
MOST_UNCOMPRESSED = 1 << 30
BUFFER = 1 << 16
Batches = Iterator[pa.RecordBatch]
WRONG = (pa.ArrowException, ValueError, TypeError, KeyError, OverflowError, OSError, csv.Error)


def parse_rows(format: Format, log: LogTable, file: IO[bytes]) -> Batches:
    """CheckFailed where the file is not one that Grace wrote of this table."""
    try:
        for batch in PARSERS[format](log, file):
            if batch.schema != schema(log):
                raise CheckFailed(f"it does not have the columns of {log.name}")
            if batch.num_rows:
                batch.validate(full=True)
                yield batch
    except CheckFailed:
        raise
    except (*WRONG, RecursionError, MemoryError) as problem:
        said = str(problem).split("\n")[0][:200]
        raise CheckFailed(f"it cannot be read as {format} of {log.name}: {said}") from problem


def _parquet(log: LogTable, file: IO[bytes]) -> Batches:
    opened = pq.ParquetFile(file, pre_buffer=False, buffer_size=BUFFER)
    if opened.schema_arrow != schema(log):
        raise CheckFailed(f"it does not have the columns of {log.name}")
    for number in range(opened.metadata.num_row_groups):
        if opened.metadata.row_group(number).total_byte_size > MOST_UNCOMPRESSED:
            raise CheckFailed("a row group unpacks to more than 1 GiB: Grace writes none like it")
    yield from opened.iter_batches(batch_size=ROWS)


def _arrow(log: LogTable, file: IO[bytes]) -> Batches:
    opened = pa.ipc.open_file(file)
    for number in range(opened.num_record_batches):
        yield opened.get_batch(number)


def _csv(log: LogTable, file: IO[bytes]) -> Batches:
    csv.field_size_limit(min(LONGEST_LINE, sys.maxsize))
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        rows = csv.reader(text, strict=True)
        if next(rows, None) != columns(log):
            raise CheckFailed(f"it does not have the columns of {log.name}")
        yield from _batches(log, rows, from_csv)
    finally:
        text.detach()  # the file is the caller's to close


def _jsonl(log: LogTable, file: IO[bytes]) -> Batches:
    yield from _batches(log, _rows(log, file), from_json)


def _json(log: LogTable, file: IO[bytes]) -> Batches:
    """A row a line, as Grace writes it; the brackets and commas around them are checked too."""
    if file.readline(LONGEST_LINE) != b"[\n":
        raise CheckFailed("it is no array with a row a line")
    yield from _batches(log, _rows(log, _lines(file)), from_json)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    before = None
    while (line := file.readline(LONGEST_LINE)) not in (b"", b"]\n"):
        if before is not None:
            yield _without_comma(before)
        before = line
    if line != b"]\n" or file.read(1):
        raise CheckFailed("the array has no end, or something behind it")
    if before is not None and before != b"\n":
        yield before


def _without_comma(line: bytes) -> bytes:
    if not line.endswith(b",\n"):
        raise CheckFailed("two rows have no comma between them")
    return line[:-2]


def _rows(log: LogTable, lines: Iterable[bytes]) -> Iterator[list[Any]]:
    names = columns(log)
    for line in lines:
        row = json.loads(line)
        if not isinstance(row, dict) or list(row) != names:
            raise CheckFailed(f"a row does not have the columns of {log.name}")
        yield list(row.values())


def _batches(
    log: LogTable,
    rows: Iterator[list[Any]],
    reading: Callable[[str], Callable[[Any], Any]],
) -> Batches:
    read = [reading(kind) for kind in kinds(log)]
    wanted = schema(log)
    while some := list(islice(rows, LINES)):
        found = zip(read, zip(*some, strict=True), wanted.types, strict=True)
        arrays = [_array([one(value) for value in column], to) for one, column, to in found]
        yield pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _array(values: Sequence[Any], to: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(to):
        return pa.array(values, pa.int64()).cast(to)
    return pa.array(values, to)


PARSERS: dict[Format, Callable[[LogTable, IO[bytes]], Batches]] = {
    "parquet": _parquet,
    "arrow": _arrow,
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
}
