"""Arrow batches as a Parquet file: small, fast to write, and with memory that rows do not move."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["write_parquet"]

# rows and bytes in a row group, whichever comes first
MOST_ROWS = 1 << 16
MOST_BYTES = 8 << 20
# a column gets a dictionary where the first rows hold less than one value in FEW of them
SAMPLE, FEW = 2048, 4


def write_parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: IO[bytes]) -> int:
    """The whole file; how many rows it holds. `out` need not be seekable."""
    groups = _groups(schema, batches)
    first = next(groups, None) or schema.empty_table()
    rows = 0
    # a dictionary of values that do not come again is sought in vain, for half as much time again
    again = [name for name in schema.names if _comes_again(first.column(name).slice(0, SAMPLE))]
    with pq.ParquetWriter(
        out, schema, compression="zstd", compression_level=1, use_dictionary=again
    ) as writer:
        for group in chain([first], groups):
            writer.write_table(group)
            rows += group.num_rows
    return rows


def _groups(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        many = sum(each.num_rows for each in held) >= MOST_ROWS
        if many or sum(each.nbytes for each in held) >= MOST_BYTES:
            yield pa.Table.from_batches(held, schema)
            held = []
    if held:
        yield pa.Table.from_batches(held, schema)


def _comes_again(values: pa.ChunkedArray) -> bool:
    if values.null_count == len(values):
        return True
    return bool(pc.count_distinct(values).as_py() * FEW <= len(values))
