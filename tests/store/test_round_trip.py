"""What is logged comes back as it was, to the bit."""

import json
import struct
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.errors import BadInput
from grace.store import Store
from grace.store.schema import LOGS
from grace.values import Kind, from_microseconds, microseconds

pytestmark = pytest.mark.both_databases
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HEALING = LOGS["healing_attempts"].table
COLUMNS: dict[Kind, str] = {
    "text": "error_message",
    "integer": "error_line",
    "float": "confidence",
    "boolean": "success",
    "time": "applied_at",
    "json": "metadata",
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
YEARS = [microseconds(datetime(year, 6, 1, tzinfo=UTC)) for year in (1, 9999)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def _there_and_back(store: Store, kind: Kind, value: object) -> object:
    column = HEALING.c[COLUMNS[kind]]
    with store.writing(NOW) as writer:
        (landed,) = writer.append("healing_attempts", [{column.name: value}])
    with store.reading() as connection:
        query = sa.select(column).where(HEALING.c.ledger_index == landed.ledger_index)
        return connection.execute(query).scalar_one()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", ""),
        ("text", "\x00 in the middle \x00"),
        ("text", "line\r\nline\n\ttab"),
        ("text", "é é 🙂 \u202e \ufeff \U0010ffff"),
        ("text", "'; DROP TABLE goals; --"),
        ("text", "0012"),
        ("text", "1e5"),
        ("text", "x" * 100_000),
        ("integer", 2**63 - 1),
        ("integer", -(2**63)),
        ("integer", 2**53 + 1),
        ("float", 5e-324),
        ("float", 1.7976931348623157e308),
        ("float", float("inf")),
        ("float", 0.1 + 0.2),
        ("float", 3.0),
        ("boolean", False),
        ("boolean", True),
        ("time", datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
        ("time", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("time", datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("text", None),
    ],
)
def test_nasty_values(store: Store, kind: Kind, value: object) -> None:
    """Each of the type it had: nothing becomes a number, a blank or a null on the way."""
    if store.engine.dialect.name == "postgresql" and "\x00" in str(value):
        with pytest.raises(BadInput, match=r"U\+0000"):
            _there_and_back(store, kind, value)
        return
    found = _there_and_back(store, kind, value)
    assert (type(found), found) == (type(value), value)


SLOWLY = settings(max_examples=30)


@SLOWLY
@given(value=st.floats(allow_nan=False))
def test_floats_to_the_bit(store: Store, value: float) -> None:
    """But for the sign of zero, which no SQLite file keeps."""
    found = _there_and_back(store, "float", value)
    assert struct.pack(">d", found) == struct.pack(">d", value + 0.0)


@SLOWLY
@given(value=JSON)
def test_json_means_what_it_meant(store: Store, value: object) -> None:
    """Null as a value of JSON is not the absence of one."""
    found = _there_and_back(store, "json", value)
    assert found is None if value is None else json.loads(str(found)) == value


@SLOWLY
@given(count=st.integers(*YEARS))
def test_times_to_the_microsecond(store: Store, count: int) -> None:
    """Aware, and in UTC."""
    found = _there_and_back(store, "time", from_microseconds(count))
    assert isinstance(found, datetime)
    assert (microseconds(found), found.tzinfo) == (count, UTC)


@pytest.mark.parametrize(
    ("kind", "given_", "kept"),
    [
        ("integer", np.int64(7), 7),
        ("float", np.float32(0.5), 0.5),
        ("float", 3, 3.0),
        ("boolean", np.bool_(True), True),
        ("time", pd.Timestamp("2026-03-01T12:00:00.000001", tz="UTC"), NOW.replace(microsecond=1)),
    ],
)
def test_values_of_numpy_and_pandas_are_taken(
    store: Store, kind: Kind, given_: object, kept: object
) -> None:
    """As the plain values they stand for."""
    found = _there_and_back(store, kind, given_)
    assert (type(found), found) == (type(kept), kept)
