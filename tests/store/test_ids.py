"""Identifiers are UUIDs of version 7."""

import re
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from grace.store.ids import uuid7, uuid7s
from grace.values import from_microseconds, microseconds

SPELLED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@given(
    milliseconds=st.integers(0, microseconds(datetime(9999, 1, 1, tzinfo=UTC)) // 1000),
    entropy=st.binary(min_size=30, max_size=30),
)
def test_time_version_variant_and_entropy_have_their_bits(
    milliseconds: int, entropy: bytes
) -> None:
    """RFC 9562 section 5.7: 48 bits of time, 74 of what was random, six that are fixed."""
    fixed = 0xF << 76 | 0x3 << 62
    made = uuid7s(from_microseconds(milliseconds * 1000), 3, entropy)
    for place, text in enumerate(made):
        assert SPELLED.fullmatch(text)
        number = UUID(text).int
        assert number >> 80 == milliseconds
        random = int.from_bytes(entropy[place * 10 : place * 10 + 10], "big")
        assert number & (1 << 80) - 1 & ~fixed == random & ~fixed


def test_no_two_are_alike() -> None:
    """Also of one instant."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert len({*uuid7s(now, 1000), uuid7(now), uuid7(now)}) == 1002
