"""A column judged at once is the cells judged one by one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.values import Kind, RawJson, coerce, coerce_column, microseconds

TIMES = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - the zone follows
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)
CELLS: dict[Kind, st.SearchStrategy[object]] = {
    "text": st.text(max_size=5),
    "integer": st.integers(-(2**63), 2**63 - 1) | st.just(np.int32(7)),
    "float": st.floats(allow_nan=False) | st.integers(-9, 9) | st.just(np.float64(0.1)),
    "boolean": st.booleans() | st.just(np.bool_(True)),
    "time": TIMES | st.just(pd.Timestamp("2026-03-01T12:00:00.000001Z")),
    "json": st.dictionaries(st.text(max_size=3), st.integers()) | st.just(RawJson('{"b": 1}')),
}


@pytest.mark.parametrize("kind", CELLS)
@given(data=st.data())
def test_a_column_is_its_cells(data: st.DataObject, kind: Kind) -> None:
    """With gaps, of plain and of other types; times come as their microseconds."""
    column = data.draw(st.lists(st.none() | CELLS[kind], max_size=6))
    one_by_one = [coerce(kind, cell) for cell in column]
    stored = [microseconds(c) if isinstance(c, datetime) else c for c in one_by_one]
    found = coerce_column(kind, column)
    assert [(type(cell), repr(cell)) for cell in found] == [(type(c), repr(c)) for c in stored]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("text", 5),
        ("integer", 2**63),
        ("integer", -(2**63) - 1),
        ("integer", True),
        ("float", float("nan")),
        ("float", "0.5"),
        ("boolean", 1),
        ("time", datetime(2026, 3, 1)),  # noqa: DTZ001 - the point
        ("time", "2026-03-01"),
    ],
)
def test_a_wrong_cell_is_found_among_right_ones(kind: Kind, wrong: object) -> None:
    """With the reason that it has alone."""
    right: dict[Kind, list[object]] = {
        "text": ["a"],
        "integer": [1],
        "float": [0.5],
        "boolean": [True],
        "time": [datetime(2026, 3, 1, tzinfo=UTC)],
    }
    said = _said(lambda: coerce(kind, wrong))
    assert not said.startswith("kept")
    assert said == _said(lambda: coerce_column(kind, [*right[kind], None, wrong, *right[kind]]))


def _said(judge: Callable[[], object]) -> str:
    try:
        return f"kept {judge()}"
    except ValueError as problem:
        return str(problem)


def test_infinities_of_both_signs_are_numbers() -> None:
    """Their sum is none."""
    assert coerce_column("float", [float("inf"), float("-inf")]) == [float("inf"), float("-inf")]
