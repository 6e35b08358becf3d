"""Parquet files as rows of Python values, some thousand at a time."""

from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from grace.errors import BadInput

__all__ = ["parquet_rows"]

ROWS = 2000
BUFFER = 1 << 16  # bytes of each column

Row = dict[str, object]


class Unreadable:
    """A value that Python has none for; no column takes it, and its reason shows it."""

    def __init__(self, said: str) -> None:
        self.said = said

    def __repr__(self) -> str:
        return self.said


def parquet_rows(opened: IO[bytes]) -> Iterator[tuple[list[str], Iterator[tuple[int, Row]]]]:
    """The names of the columns with some numbered rows each time, from 1.

    A file without rows gives its names once. Raises BadInput where it cannot be read.
    """
    try:
        # without buffering ahead: a row group may be as large as the file
        file = pq.ParquetFile(opened, pre_buffer=False, buffer_size=BUFFER)
        names = list(file.schema_arrow.names)
        yield names, iter(())
        number = 1
        for batch in file.iter_batches(batch_size=ROWS):
            yield names, enumerate(_rows(names, batch), number)
            number += batch.num_rows
    except (pa.ArrowException, OverflowError) as problem:
        raise BadInput(f"it is no readable Parquet: {str(problem).splitlines()[0]}") from problem


def _rows(names: list[str], batch: pa.RecordBatch) -> Iterator[Row]:
    columns = [_values(column) for column in batch.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _values(column: pa.Array) -> list[Any]:
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except (ValueError, OverflowError, pa.ArrowException):
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> object:
    """One value that is no text, or no time that Python knows, costs its own row alone."""
    try:
        return scalar.as_py()
    except (ValueError, OverflowError, pa.ArrowException) as problem:
        return Unreadable(f"a value that cannot be read: {problem}")
