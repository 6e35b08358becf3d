"""Arrow batches as a file of each format: what a reader elsewhere opens without Grace."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.ipc

from grace.export.frame import columns, schema
from grace.export.manifest import Format
from grace.export.parquet import write_parquet
from grace.export.text_cells import kinds, to_csv, to_json
from grace.store.schema import LogTable

__all__ = ["write_rows"]

ROWS = 2000
Batches = Iterable[pa.RecordBatch]
Writer = Callable[[LogTable, Batches, IO[bytes]], int]


def write_rows(format: Format, log: LogTable, batches: Batches, out: IO[bytes]) -> int:
    """The whole file; how many rows it holds. `out` need not be seekable."""
    return WRITERS[format](log, batches, out)


def _parquet(log: LogTable, batches: Batches, out: IO[bytes]) -> int:
    return write_parquet(schema(log), batches, out)


def _arrow(log: LogTable, batches: Batches, out: IO[bytes]) -> int:
    rows = 0
    with pa.ipc.new_file(out, schema(log)) as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _csv(log: LogTable, batches: Batches, out: IO[bytes]) -> int:
    rows = 0
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns(log))
    for found in _columns(log, batches, to_csv):
        lines = list(zip(*found, strict=True))
        writer.writerows(lines)
        rows += len(lines)
    text.detach()
    return rows


def _jsonl(log: LogTable, batches: Batches, out: IO[bytes]) -> int:
    rows = 0
    for line in _objects(log, batches):
        out.write(line + b"\n")
        rows += 1
    return rows


def _json(log: LogTable, batches: Batches, out: IO[bytes]) -> int:
    """One array, a row a line: it can be read whole and line by line."""
    rows = 0
    out.write(b"[")
    for line in _objects(log, batches):
        out.write((b",\n" if rows else b"\n") + line)
        rows += 1
    out.write(b"\n]\n")
    return rows


def _objects(log: LogTable, batches: Batches) -> Iterator[bytes]:
    names = columns(log)
    for found in _columns(log, batches, to_json):
        for row in zip(*found, strict=True):
            line = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
            yield line.encode()


def _columns(
    log: LogTable, batches: Batches, spelling: Callable[[str], Callable[[Any], Any]]
) -> Iterator[list[list[Any]]]:
    spell = [spelling(kind) for kind in kinds(log)]
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            arrays = zip(spell, batch.slice(start, ROWS).columns, strict=True)
            yield [[write(value) for value in _values(array)] for write, array in arrays]


def _values(array: pa.Array) -> list[Any]:
    plain = array.cast(pa.int64()) if pa.types.is_timestamp(array.type) else array
    return plain.to_pylist()  # type: ignore[no-any-return]


WRITERS: dict[Format, Writer] = {
    "parquet": _parquet,
    "arrow": _arrow,
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
}
