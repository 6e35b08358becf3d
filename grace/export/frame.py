"""The Arrow schema of each log table: one for every format, in both directions."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from grace.errors import LedgerBroken
from grace.values import Kind

if TYPE_CHECKING:  # the processes that write parts start faster without the store
    from grace.store.schema import LogTable

__all__ = ["ARROW_TYPES", "Cells", "cells", "checked", "columns", "schema", "stored"]

ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
    "json": pa.string(),
}
# as SQLite keeps them and as the ledger hashes them: bytes of UTF-8, microseconds, 0 and 1
STORED: dict[Kind, pa.DataType] = {
    "text": pa.binary(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "boolean": pa.int8(),
    "time": pa.int64(),
    "json": pa.binary(),
}
# a row can only be proven with them
PROOF: dict[str, pa.DataType] = {"ledger_index": pa.int64(), "salt": pa.binary()}

Cells = list[Sequence[Any]]


def columns(log: "LogTable") -> list[str]:
    """Every column that is exported, in order."""
    return [*log.kinds, *PROOF]


def schema(log: "LogTable") -> pa.Schema:
    typed = {name: ARROW_TYPES[kind] for name, kind in log.kinds.items()} | PROOF
    return pa.schema(list(typed.items()))


def stored(log: "LogTable") -> list[pa.DataType]:
    """The types of the columns as they lie in the database."""
    return [*(STORED[kind] for kind in log.kinds.values()), *PROOF.values()]


def cells(log: "LogTable", batch: pa.RecordBatch) -> Cells:
    """The columns of a batch as lists of stored cells, salt and index last."""
    arrays: Iterable[tuple[pa.Array, pa.DataType]] = zip(batch.columns, stored(log), strict=True)
    return [array.cast(to).to_pylist() for array, to in arrays]


def checked(
    table: str, wanted: pa.Schema, batches: Iterable[pa.RecordBatch], low: int, high: int
) -> Iterator[pa.RecordBatch]:
    """The batches in the types of `wanted`, and their rows in the order of the ledger.

    Raises LedgerBroken where a cell is not of its column's type, or the indices do not rise from
    `low` to below `high`: nobody who writes by Grace leaves that behind.
    """
    last = low - 1
    try:
        for batch in batches:
            typed = batch if batch.schema == wanted else batch.cast(wanted)
            indices = typed.column("ledger_index")
            first, end = indices[0].as_py(), indices[-1].as_py()
            if not (_rises(indices) and last < first and end < high):
                raise pa.ArrowInvalid("its rows are not in the order of the ledger")
            last = end
            yield typed
    except (pa.ArrowException, TypeError, OverflowError) as problem:
        said = str(problem).split("\n")[0]
        raise LedgerBroken(
            f"{table} cannot be exported: {said}; run `grace ledger verify`"
        ) from problem


def _rises(indices: pa.Array) -> bool:
    """Without NumPy, by way of which pyarrow would import pandas."""
    pairs = pc.less(indices[:-1], indices[1:])
    return not indices.null_count and pc.all(pairs, min_count=0).as_py()
