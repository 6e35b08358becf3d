"""Entries are canonical JSON, and never large."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from grace.ledger.entry import MAX_ENTRY_BYTES, encode_entry, timestamp
from grace.values import from_microseconds, microseconds

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
YEARS = [microseconds(datetime(year, 6, 1, tzinfo=UTC)) for year in (1, 9999)]
TIMES = st.integers(*YEARS).map(from_microseconds)


@given(
    table=TEXT,
    id=TEXT,
    revision=st.integers(-(2**53) + 1, 2**53 - 1),
    at=TIMES,
    digest=st.binary(min_size=32, max_size=32),
)
def test_an_entry_is_what_rfc8785_makes_of_it(
    table: str, id: str, revision: int, at: datetime, digest: bytes
) -> None:
    """The hand-made formatting is the library's, byte for byte."""
    members = {
        "version": 1,
        "table": table,
        "id": id,
        "revision": revision,
        "recorded_at": timestamp(at),
        "digest": digest.hex(),
    }
    entry = encode_entry(table, id, revision, at, digest)
    assert entry == rfc8785.dumps(members)
    assert json.loads(entry) == members


@given(TIMES)
def test_timestamps_keep_every_microsecond(at: datetime) -> None:
    """RFC 3339 with six decimals, in UTC."""
    assert datetime.fromisoformat(timestamp(at)) == at
    assert len(timestamp(at)) == 27
    assert timestamp(at).endswith("Z")


def test_a_timestamp_is_in_utc_whatever_zone_it_comes_in() -> None:
    """One moment has one text."""
    east = timezone(timedelta(hours=5, minutes=30))
    assert timestamp(datetime(2026, 3, 1, 5, 29, 59, tzinfo=east)) == "2026-02-28T23:59:59.000000Z"


@pytest.mark.parametrize("revision", [2**53, -(2**53)])
def test_an_integer_that_json_readers_round_is_refused(revision: int) -> None:
    """RFC 8785 section 3.2.2.3."""
    with pytest.raises(ValueError, match="beyond what JSON holds"):
        encode_entry("goals", "x", revision, from_microseconds(0), bytes(32))


def test_an_entry_over_one_kilobyte_is_refused() -> None:
    """The limit is counted in bytes, not in characters."""
    room = MAX_ENTRY_BYTES - len(encode_entry("goals", "", 1, from_microseconds(0), bytes(32)))
    fits = "é" * (room // 2)
    assert len(encode_entry("goals", fits, 1, from_microseconds(0), bytes(32))) > 1000
    with pytest.raises(ValueError, match="over 1024"):
        encode_entry("goals", fits + "é", 1, from_microseconds(0), bytes(32))
