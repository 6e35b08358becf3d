"""Every expectation of every suite is broken by a row that breaks it, and by no other."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from grace.export.frame import schema
from grace.store.schema import LOGS
from tasks.validation import Findings, suite_text, validate

Row = dict[str, Any]
Breaking = Callable[[Row, Row, Mapping[str, Any]], Row]
SPARE = 2  # rows that break nothing, the first of which others are made equal to


def _below(row: Row, first: Row, told: Mapping[str, Any]) -> Row:
    return {told["column"]: told["min_value"] - 1}


def _upside_down(row: Row, first: Row, told: Mapping[str, Any]) -> Row:
    return {told["column_A"]: 0.1, told["column_B"]: 0.2}


# what of a sound row has to be changed for it to break an expectation of this type
BREAKING: Mapping[str, Breaking] = {
    "expect_column_values_to_not_be_null": lambda row, first, told: {told["column"]: None},
    "expect_column_values_to_be_unique": lambda row, first, told: {
        told["column"]: first[told["column"]]
    },
    "expect_compound_columns_to_be_unique": lambda row, first, told: {
        name: first[name] for name in told["column_list"]
    },
    "expect_column_values_to_be_between": _below,
    "expect_column_values_to_be_json_parseable": lambda row, first, told: {told["column"]: "{no"},
    "expect_column_values_to_be_in_set": lambda row, first, told: {told["column"]: "dire"},
    "expect_column_values_to_match_regex": lambda row, first, told: {told["column"]: "XYZ"},
    "expect_column_pair_values_a_to_be_greater_than_b": _upside_down,
}
OF_ALL = "expect_table_columns_to_match_ordered_list"


def sound(table: str, number: int) -> Row:
    """A row that meets every expectation, with its number in what must be unique."""
    values: dict[str, Any] = {
        "text": f"text {number}",
        "integer": number,
        "float": 0.5,
        "boolean": True,
        "time": datetime(2026, 3, 1, tzinfo=UTC),
        "json": '{"a": [1]}',
    }
    row = {name: values[kind] for name, kind in LOGS[table].kinds.items()}
    row |= {"ledger_index": number, "salt": number.to_bytes(2)}
    for told in expectations(table):
        given = told["kwargs"]
        if told["type"] == "expect_column_values_to_be_in_set":
            row[given["column"]] = given["value_set"][0]
        if told["type"] == "expect_column_values_to_match_regex":
            row[given["column"]] = "0" * 64
        if "max_value" in given and LOGS[table].kinds[given["column"]] == "integer":
            row[given["column"]] = given["max_value"]
    return row


def expectations(table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(suite_text(table))["expectations"]
    return found


def looked_at(table: str, rows: list[Row], *, without: str | None = None) -> Findings:
    batch = pa.RecordBatch.from_pylist(rows, schema(LOGS[table]))
    if without:
        batch = batch.drop_columns([without])
    return validate(lambda name: [batch], [table], lambda text, share: None, failing=10_000)


def name_of(told: Mapping[str, Any]) -> str:
    """How the name of an expectation begins where it is told."""
    words = told["type"].removeprefix("expect_").removeprefix("column_").replace("_", " ")
    column = told["kwargs"].get("column")
    return f"{column}: {words}" if column else words


@pytest.mark.parametrize("table", LOGS)
def test_each_expectation_is_broken_by_its_own_row(table: str) -> None:
    """The row is given whole under the one that it breaks, and under no other."""
    breaking = [told for told in expectations(table) if told["type"] != OF_ALL]
    rows = [sound(table, number) for number in range(1, 1 + SPARE + len(breaking))]
    for row, told in zip(rows[SPARE:], breaking, strict=True):
        row |= BREAKING[told["type"]](row, rows[0], told["kwargs"])
    found = looked_at(table, rows)
    under: dict[bytes, list[str]] = {}
    for broken in found.broken:
        salt = broken.row["salt"]
        assert isinstance(salt, bytes)
        under.setdefault(salt, []).append(broken.expectation)
    for number, told in enumerate(breaking, 1 + SPARE):
        (name,) = under[number.to_bytes(2)]
        assert name.startswith(name_of(told)), (name, told)
    assert SPARE.to_bytes(2) not in under
    named = {failure.partition(": ")[2] for failure in found.failures}
    assert len(named) == len(breaking)


def test_columns_that_are_not_those_of_the_table_are_noticed() -> None:
    """Before a value of them is looked at."""
    found = looked_at("goals", [sound("goals", 1)], without="title")
    assert any("columns to match ordered list" in failure for failure in found.failures)
