"""Every format gives back exactly the rows it was given."""

import csv
import io
import json
import struct
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.errors import CheckFailed
from grace.export.frame import columns, schema
from grace.export.manifest import FORMATS, Format
from grace.export.parsing import parse_rows
from grace.export.text_cells import from_csv, to_csv
from grace.export.writing import write_rows
from grace.store.schema import LOGS
from grace.values import Kind, from_microseconds, microseconds

HEALING = LOGS["healing_attempts"]  # it has columns of every kind
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
YEARS = [microseconds(datetime(year, 6, 1, tzinfo=UTC)) for year in (1, 9999)]
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    "text": TEXT | st.sampled_from(["", "\\N", "\\J", "\\", "null", "NaN", "\r", "\n", '"', "a,b"]),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False) | st.just(float("nan")),
    "boolean": st.booleans(),
    "time": st.integers(*YEARS).map(from_microseconds),
    "json": TEXT,
}
ROWS = st.lists(
    st.fixed_dictionaries(
        {"ledger_index": st.integers(0, 2**63 - 1), "salt": st.none() | st.binary(max_size=16)},
        optional={name: st.none() | VALUES[kind] for name, kind in HEALING.kinds.items()},
    ),
    max_size=5,
)


def batch_of(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema(HEALING))


def written(format: Format, *batches: pa.RecordBatch) -> io.BytesIO:
    out = io.BytesIO()
    assert write_rows(format, HEALING, batches, out) == sum(each.num_rows for each in batches)
    out.seek(0)
    return out


def bits(batch: pa.RecordBatch | pa.Table) -> list[dict[str, Any]]:
    """Rows with floats as their bytes: NaN equals itself, and -0.0 is not 0.0."""

    def bare(value: Any) -> Any:
        return struct.pack(">d", value) if isinstance(value, float) else value

    return [{name: bare(value) for name, value in row.items()} for row in batch.to_pylist()]


@pytest.mark.parametrize("format", FORMATS)
def test_any_row_comes_back_to_the_bit(format: Format) -> None:
    """Null is not empty, 64 bits stay 64 bits, JSON is the text it was."""

    @settings(max_examples=25)
    @given(ROWS)
    def there_and_back(rows: list[dict[str, Any]]) -> None:
        batch = batch_of(rows)
        found = list(parse_rows(format, HEALING, written(format, batch)))
        assert [row for each in found for row in bits(each)] == bits(batch)

    there_and_back()


@pytest.mark.parametrize("format", FORMATS)
def test_many_batches_are_one_file(format: Format) -> None:
    """More rows than a reader takes at once, in the order they were given."""
    rows = [{"ledger_index": number, "id": f"row {number}"} for number in range(9000)]
    batches = [batch_of(rows[:5000]), batch_of(rows[5000:])]
    found = pa.Table.from_batches(list(parse_rows(format, HEALING, written(format, *batches))))
    assert found.column("ledger_index").to_pylist() == list(range(9000))


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_of_another_table_is_refused(format: Format) -> None:
    """Columns are compared before rows are read."""
    content = written(format, batch_of([{"ledger_index": 0}]))
    with pytest.raises(CheckFailed):
        list(parse_rows(format, LOGS["goals"], content))


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_was_cut_short_is_refused(format: Format) -> None:
    """Half of it is no file of fewer rows."""
    rows = [{"ledger_index": number, "error_message": "x" * 50} for number in range(40)]
    content = written(format, batch_of(rows)).getvalue()
    with pytest.raises(CheckFailed):
        list(parse_rows(format, HEALING, io.BytesIO(content[: len(content) // 2 + 7])))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        (None, "\\N"),
        ("", ""),
        ("\\N", '\\J"\\\\N"'),
        ("a\0b", '\\J"a\\u0000b"'),
        ("C:\\temp", "C:\\temp"),
        ("NULL", "NULL"),
    ],
)
def test_a_null_of_csv_is_no_text(text: str | None, cell: str) -> None:
    """As docs/export.md tells it: a cell that begins with a backslash is read by two rules."""
    assert to_csv("text")(text) == cell
    assert from_csv("text")(cell) == text


def test_json_is_json() -> None:
    """No NaN and no Infinity in it, which only some readers take."""
    content = written("json", batch_of([{"ledger_index": 0, "confidence": float("inf")}]))
    found = json.loads(content.read(), parse_constant=pytest.fail)
    assert found[0]["confidence"] == "inf"
    assert list(found[0]) == columns(HEALING)


def test_csv_lines_are_those_of_rfc_4180() -> None:
    """A line break within a cell stands in quotes."""
    content = written("csv", batch_of([{"ledger_index": 0, "error_message": 'a\r\nb,"c"'}]))
    text = content.read().decode()
    assert '"a\r\nb,""c"""' in text
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == 2
