"""The leaves read from the file are those that the writer put into the tree."""

import sqlite3
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from grace.ledger.encoding import encode_rows
from grace.ledger.tiles import hashes_of
from grace.notary.cells import pieces
from grace.notary.layout import log_rows
from grace.notary.rows import leaves
from grace.store import Store
from grace.store.schema import LOGS
from grace.values import Kind, coerce, from_microseconds, microseconds

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
YEARS = [microseconds(datetime(year, 6, 1, tzinfo=UTC)) for year in (1, 9999)]
TIME = st.integers(*YEARS).map(from_microseconds)
VALUES: dict[Kind, st.SearchStrategy[object]] = {
    "text": TEXT,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "time": TIME,
    "json": st.dictionaries(TEXT, st.none() | TEXT | st.integers()),
}
HEALING = LOGS["healing_attempts"]  # it has columns of every kind
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | VALUES[kind]
            for name, kind in HEALING.kinds.items()
            if name in HEALING.payload and name not in HEALING.key
        },
    ),
    min_size=1,
    max_size=4,
)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@settings(max_examples=50)
@given(rows=ROWS)
def test_any_row_read_back_gives_the_leaf_it_was_written_with(
    store: Store, rows: list[dict[str, object]]
) -> None:
    """Whatever the six kinds of column can hold, None included."""
    with store.writing(NOW) as writer:
        landed = [row.ledger_index for row in writer.append("healing_attempts", rows)]
    found = _read(store)
    assert [found[index] for index in landed] == [_leaf(store, index) for index in landed]


@given(
    kind_values=st.lists(
        st.sampled_from(list(VALUES)).flatmap(
            lambda kind: st.tuples(
                st.just(kind), st.lists(st.none() | VALUES[kind], min_size=3, max_size=3)
            )
        ),
        min_size=1,
        max_size=6,
    )
)
def test_cells_are_encoded_as_values_are(kind_values: list[tuple[Kind, list[object]]]) -> None:
    """The verifier's encoder of stored cells and the writer's of values are two, and agree."""
    kinds = [kind for kind, _ in kind_values]
    columns = [[coerce(kind, value) for value in values] for kind, values in kind_values]
    stored = [tuple(_stored(value) for value in column) for column in columns]
    joined = [b"".join(cells) for cells in zip(*pieces(kinds, stored), strict=False)]
    assert joined[:3] == encode_rows(kinds, list(zip(*columns, strict=True)))


def _stored(value: object) -> object:
    """The value as SQLite keeps it and gives it back with text as bytes."""
    match value:
        case bool():
            return int(value)
        case str():
            return value.encode()
        case datetime():
            return microseconds(value)
    return value


def _read(store: Store) -> dict[int, bytes | None]:
    (table,) = [table for table in log_rows() if table.name == "healing_attempts"]
    with sqlite3.connect(str(store.engine.url.database)) as connection:
        connection.text_factory = bytes
        chunks = list(leaves(connection, table))
    connection.close()
    return {
        index: leaf for indices, found in chunks for index, leaf in zip(indices, found, strict=True)
    }


def _leaf(store: Store, index: int) -> bytes:
    query = f"SELECT hashes FROM ledger_tiles WHERE level = 0 AND tile = {index >> 8}"
    with store.reading() as connection:
        return hashes_of(connection.exec_driver_sql(query).scalar_one())[index & 255]
