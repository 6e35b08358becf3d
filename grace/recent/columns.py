"""An hour's rows as an Arrow message, and several of them as one pandas frame."""

from collections.abc import Iterable, Sequence

import pandas as pd
import pyarrow as pa

from grace.recent.views import View
from grace.values import Kind

__all__ = ["pack", "table_of", "unpack"]

TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", "UTC"),
    "json": pa.string(),
}
CODEC = "zstd"
SIZE_BYTES = 8  # before the compressed message: how long it is without


def pack(view: View, table: pa.Table) -> bytes:
    """Compressed as one: Arrow itself would begin anew for every column, which costs more."""
    (batch,) = table.select(list(view.kinds)).combine_chunks().to_batches()
    message = batch.serialize()
    size: bytes = message.size.to_bytes(SIZE_BYTES, "little")
    return size + bytes(pa.compress(message, codec=CODEC, asbytes=True))


def unpack(view: View, packed: Iterable[bytes]) -> pd.DataFrame:
    """In the order of the ledger; times are datetime64[us, UTC]."""
    schema, codec = _schema(view), pa.Codec(CODEC)
    batches = [pa.ipc.read_record_batch(_message(each, codec), schema) for each in packed]
    whole = pa.Table.from_batches(batches, schema).combine_chunks().sort_by("ledger_index")
    if "terms" in whole.column_names:
        place = whole.column_names.index("terms")
        whole = whole.set_column(place, "terms", whole["terms"].dictionary_encode())
    frame: pd.DataFrame = whole.to_pandas()
    return frame


def _message(packed: bytes, codec: pa.Codec) -> pa.Buffer:
    size = int.from_bytes(packed[:SIZE_BYTES], "little")
    return codec.decompress(memoryview(packed)[SIZE_BYTES:], size)


def table_of(view: View, columns: Sequence[Sequence[object]]) -> pa.Table:
    """Of the view's columns and its JSON ones, as the database gives them."""
    names = [*view.columns, *view.described]
    given = dict(zip(names, columns, strict=True))
    described = pd.DataFrame({name: given[name] for name in view.described}, dtype=object)
    made = view.tell(described)
    kinds = view.kinds
    return pa.table(
        {name: pa.array(given[name], TYPES[kinds[name]]) for name in view.columns}
        | {name: pa.array(made[name], TYPES[kinds[name]], from_pandas=True) for name in view.made},
        _schema(view),
    )


def _schema(view: View) -> pa.Schema:
    return pa.schema([(name, TYPES[kind]) for name, kind in view.kinds.items()])
