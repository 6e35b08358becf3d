"""What outside rows become, and why some become none."""

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from grace.errors import BadInput
from grace.ingestion.loose import INGESTIBLE, Manner, ingestible, lacks_key, read_row, time_zone
from grace.ingestion.ranges import BOUNDS, CHOICES
from grace.ingestion.reasons import Reason
from grace.store.schema import LOGS
from grace.values import RawJson, coerce

HEALING = LOGS["healing_attempts"]
CUBE = LOGS["data_cube"]
TEXT = Manner("json", "UTC")
TYPED = Manner("typed", "UTC")
CALL = Manner("call", None)
BERLIN = Manner("json", "Europe/Berlin")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def read(manner=TEXT, log=HEALING, **columns):
    return read_row(log, {"attempt_id": "a"} | columns, manner)


def value(name, given_, manner=TEXT, log=HEALING):
    """The one column, or the reason."""
    found = read(manner, log, **{name: given_})
    return str(found) if isinstance(found, Reason) else found.get(name)


@pytest.mark.parametrize(
    ("name", "outside", "kept"),
    [
        ("error_type", "", ""),
        ("error_type", "  x ", "  x "),
        ("error_type", 7, "7"),
        ("error_type", 7.0, "7"),
        ("error_type", 0.1, "0.1"),
        ("error_type", Decimal("1.50"), "1.50"),
        ("error_type", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("error_line", "7", 7),
        ("error_line", " 7.0 ", 7),
        ("error_line", "+7", 7),
        ("error_line", 7.0, 7),
        ("error_line", Decimal("7"), 7),
        ("error_line", "9223372036854775807", 2**63 - 1),
        ("error_line", np.int32(7), 7),
        ("error_line", "", None),
        ("confidence", "0.5", 0.5),
        ("confidence", "5e-1", 0.5),
        ("confidence", ".5", 0.5),
        ("confidence", 1, 1.0),
        ("confidence", Decimal("0.25"), 0.25),
        ("confidence", " ", None),
        ("success", "1", True),
        ("success", "0", False),
        ("success", 1, True),
        ("success", 0, False),
        ("success", 0.0, False),
        ("success", "TRUE", True),
        ("success", "f", False),
        ("success", "1.0", True),
        ("success", True, True),
        ("severity", "High", "high"),
        ("status", "verified, by hand", "verified, by hand"),
        ("status", "anything at all", "anything at all"),
        ("attempted_at", "2026-03-01T12:00:00Z", NOON),
        ("attempted_at", "2026-03-01 13:00:00+01:00", NOON),
        ("attempted_at", "2026-03-01 12:00:00 UTC", NOON),
        ("attempted_at", "2026-03-01 12:00", NOON),
        ("attempted_at", "2026-03-01", NOON.replace(hour=0)),
        ("attempted_at", "2026-03-01T12:00:00.1234567Z", NOON.replace(microsecond=123456)),
        ("attempted_at", date(2026, 3, 1), NOON.replace(hour=0)),
        ("attempted_at", NOON.replace(tzinfo=None), NOON),
        ("attempted_at", pd.Timestamp(NOON), NOON),
        ("attempted_at", pd.NaT, None),
        ("attempted_at", "", None),
        ("metadata", "null", "null"),
        ("metadata", ' {"b": 1.10,  "a": 2} ', ' {"b": 1.10,  "a": 2} '),
        ("metadata", "12", "12"),
        ("metadata", "9" * 5000, "9" * 5000),
        ("metadata", {"b": 1, "a": [None]}, '{"a":[null],"b":1}'),
        ("metadata", {"at": NOON, "n": Decimal("1.5")}, f'{{"at":"{NOON.isoformat()}","n":"1.5"}}'),
        ("metadata", "", None),
    ],
)
def test_a_value_becomes_what_its_column_keeps(name, outside, kept):
    """Numbers as text, truths as 0 and 1, ISO times, JSON as the text that it is."""
    assert value(name, outside) == kept


@pytest.mark.parametrize(
    ("name", "outside", "reason"),
    [
        ("error_line", "seven", "type: error_line: expected a whole number, got 'seven'"),
        ("error_line", "7.5", "type: error_line: expected a whole number, got '7.5'"),
        ("error_line", "1_000", "type: error_line: expected a whole number, got '1_000'"),
        ("error_line", "٣", "type: error_line: "),
        ("error_line", 7.5, "type: error_line: expected a whole number, got 7.5"),
        ("error_line", True, "type: error_line: expected a whole number, got True"),
        ("error_line", "9223372036854775808", "range: error_line: "),
        ("error_line", 2**64, "range: error_line: "),
        ("error_line", Decimal("1e999999"), "range: error_line: "),
        ("error_line", -1, "range: error_line: expected 0 or more, got -1"),
        ("confidence", "half", "type: confidence: expected a number, got 'half'"),
        ("confidence", "0,5", "type: confidence: expected a number, got '0,5'"),
        ("confidence", "NaN", "nan: confidence: NaN is no number"),
        ("confidence", "-inf", "nan: confidence: -inf is no number"),
        ("confidence", float("nan"), "nan: confidence: nan is no number"),
        ("confidence", Decimal("sNaN"), "nan: confidence: "),
        ("confidence", "1e999", "range: confidence: the number is too large"),
        ("confidence", 10**400, "range: confidence: "),
        ("confidence", 1.7, "range: confidence: expected from 0 to 1, got 1.7"),
        ("confidence", b"0.5", "type: confidence: "),
        ("success", "yes", "type: success: expected true or false, got 'yes'"),
        ("success", 2, "type: success: expected true or false, got 2"),
        ("success", float("nan"), "nan: success: "),
        ("severity", "dire", "range: severity: expected one of low, medium, high, critical"),
        ("error_type", "half \ud83d", "text: error_type: "),
        ("error_type", b"bytes", "type: error_type: expected text, got b'bytes'"),
        ("error_type", {"a": 1}, "type: error_type: expected text, got a dict of 1"),
        ("error_type", True, "type: error_type: expected text, got True"),
        ("error_type", float("nan"), "nan: error_type: "),
        ("attempted_at", "yesterday", "type: attempted_at: expected a time in ISO 8601"),
        ("attempted_at", "01.03.2026", "type: attempted_at: expected a time in ISO 8601"),
        ("attempted_at", 1772366400, "type: attempted_at: expected a time in ISO 8601"),
        ("attempted_at", "0001-01-01T00:00:00+14:00", "range: attempted_at: "),
        ("metadata", '{"page": ', "json: metadata: expected JSON"),
        ("metadata", "plain words", "json: metadata: expected JSON"),
        ("metadata", '{"n": NaN}', "json: metadata: expected JSON"),
        ("metadata", "[" * 100_000, "json: metadata: the JSON is nested too deeply"),
        ("metadata", {"n": float("inf")}, "json: metadata: NaN, infinity"),
    ],
)
def test_what_has_no_reading_is_refused_with_its_column(name, outside, reason):
    """Nothing is guessed, and the reason quotes what stood there."""
    assert value(name, outside).startswith(reason)


@pytest.mark.parametrize(
    ("zone", "naive", "kept"),
    [
        ("UTC", "2026-07-01 12:00", "2026-07-01T12:00:00+00:00"),
        ("Europe/Berlin", "2026-07-01 12:00", "2026-07-01T10:00:00+00:00"),
        ("Europe/Berlin", "2026-01-01 12:00", "2026-01-01T11:00:00+00:00"),
        ("Europe/Berlin", "2026-03-29 02:30", "does not exist in Europe/Berlin"),
        ("Europe/Berlin", "2026-10-25 02:30", "comes twice in Europe/Berlin"),
        ("Europe/Berlin", "2026-10-25 02:30+01:00", "2026-10-25T01:30:00+00:00"),
        (None, "2026-07-01 12:00", "has no time zone"),
    ],
)
def test_a_time_without_zone_gets_the_one_that_was_named(zone, naive, kept):
    """Not in the hour that the clock skips or repeats, and not where no zone was named."""
    found = value("attempted_at", naive, Manner("json", zone))
    if isinstance(found, datetime):
        assert found.isoformat() == kept
    else:
        assert found.startswith("zone: attempted_at: ")
        assert kept in found


@pytest.mark.parametrize(
    ("outside", "in_text", "in_typed", "in_call"),
    [
        ("null", "null", "null", '"null"'),
        ("[1, 2]", "[1, 2]", "[1, 2]", '"[1, 2]"'),
        ("words", None, '"words"', '"words"'),
        ("", "nothing", '""', '""'),
        (None, "nothing", "nothing", "nothing"),
        (7, "7", "7", "7"),
        ({"a": "\ud800"}, '{"a":"\\ud800"}', '{"a":"\\ud800"}', '{"a":"\\ud800"}'),
    ],
)
def test_text_in_a_json_column_is_read_as_its_source_means_it(outside, in_text, in_typed, in_call):
    """The text `null` is JSON's null, and no missing value; the latter is in nobody's JSON."""
    for manner, expected in ((TEXT, in_text), (TYPED, in_typed), (CALL, in_call)):
        found = read(manner, metadata=outside)
        if expected is None:
            assert found.kind == "json"
        else:
            assert found.get("metadata", "nothing") == expected


def test_names_count_in_any_case_and_by_alias():
    """The exact name goes before another that means the same; the other is kept beside it."""
    found = read(**{"Error_Type ": "A", "HEALING_METADATA": "1", "Status": "x", "status": "y"})
    assert found == {
        "attempt_id": "a",
        "error_type": "A",
        "metadata": "1",
        "status": "y",
        "extra": '{"Status":"x"}',
    }


def test_an_alias_steps_in_where_its_column_says_nothing():
    """An older and a newer name in one row: the one with a value counts."""
    assert read(metadata=None, healing_metadata="{}")["metadata"] == "{}"


def test_unknown_columns_are_kept_in_extra():
    """With their values; those that say nothing are left out, and what is there already stays."""
    found = read(extra='{"shop": "north"}', colour="red", size=3, gone=None, nan=float("nan"))
    assert json.loads(found["extra"]) == {"shop": "north", "colour": "red", "size": 3, "nan": "nan"}
    assert read(extra="[1]")["extra"] == "[1]"
    assert json.loads(read(extra="[1]", a=1)["extra"]) == {"extra": [1], "a": 1}


def test_what_grace_adds_to_a_row_is_not_taken_from_another_log():
    """A row out of a log of Grace; elsewhere `id` and `revision` are columns like any other."""
    own = {"id": "x", "revision": 3, "recorded_at": "2026-01-01", "ledger_index": 7, "salt": b"s"}
    assert read(**own) == {"attempt_id": "a"}
    assert json.loads(read(id=7)["extra"]) == {"id": 7}


def test_a_missing_key_is_left_to_the_caller_unless_it_has_two_parts():
    """A dependency without its goals is none."""
    assert read_row(HEALING, {"error_type": "x"}, TEXT) == {"error_type": "x"}
    assert read_row(HEALING, {"attempt_id": "", "status": "x"}, TEXT) == {"status": "x"}
    assert [lacks_key(HEALING, row) for row in ({}, {"ATTEMPT_ID": "a"}, {"attempt_id": ""})] == [
        True,
        False,
        True,
    ]
    found = read_row(LOGS["goal_dependencies"], {"goal_id": "g"}, TEXT)
    assert str(found) == "key: row: depends_on_goal_id of the natural key is missing"


def test_a_row_that_says_nothing_is_none():
    """As the empty lines of a spreadsheet; a call may mean that something happened, and when."""
    for row in ({}, {"attempt_id": ""}, {"status": None, "shop": None, "success": " "}):
        assert str(read_row(HEALING, row, TEXT)) == "shape: row: it holds no value"
    assert read_row(HEALING, {}, CALL) == {}


def test_only_what_others_may_write_can_be_ingested():
    """Grace's own proposals, decisions, actions, verdicts and erasures come from Grace alone."""
    assert set(LOGS) - set(INGESTIBLE) == {
        "proposals",
        "decisions",
        "actions",
        "verdicts",
        "erasures",
    }
    with pytest.raises(BadInput, match="'decisions' is written by Grace alone"):
        ingestible("decisions")
    with pytest.raises(BadInput, match="'healing' is no log table"):
        ingestible("healing")


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "a" * 5000, "\0"])
def test_a_zone_that_is_not_there_is_said(name):
    """In one line, whatever was given."""
    with pytest.raises(BadInput, match="there is no time zone"):
        time_zone(name)


def test_every_bound_and_choice_is_of_a_column():
    """A name that no table has would bound nothing."""
    columns = {name for table in INGESTIBLE for name in LOGS[table].payload}
    assert set(BOUNDS) <= columns
    assert set(CHOICES) <= columns
    assert not any("status" in name for name in [*BOUNDS, *CHOICES])


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=8)
    | st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=14))))
    | st.dates()
    | st.decimals()
    | st.uuids()
    | st.sampled_from(["null", "1", "true", "nan", "2026-03-01", "{}", "[", " ", "\ud800", "1e400"])
)
VALUES = SCALARS | st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
MANNERS = st.builds(
    Manner,
    st.sampled_from(["json", "typed", "call"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", None]),
)


@st.composite
def rows(draw):
    log = LOGS[draw(st.sampled_from(INGESTIBLE))]
    names = st.sampled_from([*log.payload, "id", "healing_metadata"]) | st.text(max_size=6)
    return log, draw(st.dictionaries(names, VALUES, max_size=8))


@hypothesis_settings(max_examples=600)
@given(rows(), MANNERS)
def test_any_row_is_read_or_refused(row, manner):
    """Never an exception; what is read is what `Writer.append` takes, to the last value."""
    log, given_ = row
    found = read_row(log, given_, manner)
    if isinstance(found, Reason):
        assert Reason.parse(str(found)) == found
        str(found).encode()
        return
    assert found.keys() <= set(log.payload)
    for name, kept in found.items():
        kind = log.kinds[name]
        assert coerce(kind, kept) == kept
        if kind == "json":
            assert isinstance(kept, RawJson)
            json.loads(kept, parse_int=str, parse_constant=pytest.fail)
        if kind in ("text", "json"):
            kept.encode()
        if kind == "float":
            assert math.isfinite(kept)


@hypothesis_settings(max_examples=150)
@given(rows(), MANNERS)
def test_what_is_read_can_be_logged(store, row, manner):
    """Into a real database, with its leaf."""
    log, given_ = row
    found = read_row(log, given_, manner)
    if not isinstance(found, Reason):
        with store.writing(NOON) as writer:
            writer.append(log.name, [found])
