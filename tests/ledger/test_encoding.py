"""Row encoding 1 loses nothing, so that no two rows share their digest."""

import struct
from datetime import UTC, datetime
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.ledger.encoding import TAGS, encode_row, encode_rows, row_digest
from grace.values import Kind, from_microseconds, microseconds

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
INT64 = st.integers(-(2**63), 2**63 - 1)
YEARS = [microseconds(datetime(year, 6, 1, tzinfo=UTC)) for year in (1, 9999)]
VALUES: dict[Kind, st.SearchStrategy[object]] = {
    "text": TEXT,
    "integer": INT64,
    "float": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "time": st.integers(*YEARS).map(from_microseconds),
    "json": TEXT,
}
KINDS = st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=5)
Row = tuple[object, ...]


def _rows(kinds: list[Kind]) -> st.SearchStrategy[Row]:
    return st.tuples(*(st.none() | VALUES[kind] for kind in kinds))


def _unsigned(value: object) -> object:
    """As `coerce` keeps it: without the sign of zero."""
    return value + 0.0 if isinstance(value, float) else value


def _decode(encoded: bytes) -> list[tuple[int, bytes]]:
    """Tags and payloads, read as a stranger would."""
    cells = []
    while encoded:
        tag, length = struct.unpack(">BQ", encoded[:9])
        cells.append((tag, encoded[9 : 9 + length]))
        encoded = encoded[9 + length :]
    return cells


@given(data=st.data(), kinds=KINDS)
def test_every_value_can_be_read_back(data: st.DataObject, kinds: list[Kind]) -> None:
    """So the encoding is injective: nothing of the row is lost in it."""
    row = data.draw(_rows(kinds))
    cells = _decode(encode_row(kinds, row))
    read = {
        "text": lambda payload: payload.decode(),
        "json": lambda payload: payload.decode(),
        "integer": lambda payload: struct.unpack(">q", payload)[0],
        "float": lambda payload: struct.unpack(">d", payload)[0],
        "boolean": lambda payload: payload == b"\x01",
        "time": lambda payload: from_microseconds(struct.unpack(">q", payload)[0]),
    }
    assert len(cells) == len(kinds)
    for (tag, payload), kind, value in zip(cells, kinds, row, strict=True):
        assert tag == TAGS[None if value is None else kind]
        assert value is None or read[kind](payload) == value


@given(data=st.data(), kinds=KINDS)
def test_different_rows_have_different_bytes(data: st.DataObject, kinds: list[Kind]) -> None:
    """Whatever moves from one column to the next; -0.0 is 0.0 by the time a row is encoded."""
    one, two = (tuple(map(_unsigned, data.draw(_rows(kinds)))) for _ in range(2))
    assert (one == two) == (encode_row(kinds, one) == encode_row(kinds, two))


@given(data=st.data(), kinds=KINDS)
def test_many_rows_at_once_are_encoded_as_one_by_one(
    data: st.DataObject, kinds: list[Kind]
) -> None:
    """Working by column is a matter of speed."""
    rows = data.draw(st.lists(_rows(kinds), max_size=5))
    assert encode_rows(kinds, rows) == [encode_row(kinds, row) for row in rows]


def test_nothing_and_empty_and_zero_differ() -> None:
    """In bytes as in meaning, and from kind to kind."""
    cases: list[tuple[Kind, object]] = [
        ("text", None),
        ("text", ""),
        ("text", "0"),
        ("integer", 0),
        ("float", 0.0),
        ("boolean", False),
        ("time", from_microseconds(0)),
        ("json", "null"),
        ("json", ""),
    ]
    for (kind, value), (other_kind, other) in combinations(cases, 2):
        assert encode_row([kind], [value]) != encode_row([other_kind], [other])


def test_text_does_not_flow_into_its_neighbour() -> None:
    """The length stands before it."""
    assert encode_row(["text", "text"], ["ab", "c"]) != encode_row(["text", "text"], ["a", "bc"])


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_floats_are_kept_to_the_bit(one: float, other: float) -> None:
    """Neighbours included."""
    same = struct.pack(">d", one) == struct.pack(">d", other)
    assert same == (encode_row(["float"], [one]) == encode_row(["float"], [other]))


def test_a_time_and_its_microseconds_are_the_same_cell() -> None:
    """Readers of a database have the count at hand and no reason to make a time of it."""
    at = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
    assert encode_row(["time"], [at]) == encode_row(["time"], [microseconds(at)])


def test_no_rows_have_no_encoding() -> None:
    """An empty batch is none."""
    assert encode_rows(["text"], []) == []


@pytest.mark.parametrize("salt", [bytes(16), bytes(15) + b"\x01"])
def test_the_salt_hides_a_row_that_can_be_guessed(salt: bytes) -> None:
    """The same row has another digest under another salt."""
    encoded = encode_row(["text"], ["yes"])
    assert row_digest(salt, encoded) != row_digest(b"\xff" * 16, encoded)
    assert len(row_digest(salt, encoded)) == 32
