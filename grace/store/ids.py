"""UUIDv7 (RFC 9562 §5.7): sortable by time, random beyond the millisecond."""

import os
from datetime import datetime

from grace.values import microseconds

__all__ = ["uuid7", "uuid7s"]

RANDOM_BYTES = 10
# the two highest bits of this digit are the variant's, 1 and 0
VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def uuid7(now: datetime, entropy: bytes | None = None) -> str:
    """A new identifier as 36 characters; `entropy` is 10 bytes, the system's own if None."""
    return uuid7s(now, 1, entropy)[0]


def uuid7s(now: datetime, count: int, entropy: bytes | None = None) -> list[str]:
    """As many as `count`, from as many times 10 bytes."""
    milliseconds = microseconds(now) // 1000 & (1 << 48) - 1
    time = f"{milliseconds:012x}"
    begin = f"{time[:8]}-{time[8:]}-7"
    digits = (entropy or os.urandom(RANDOM_BYTES * count)).hex()
    return [
        f"{begin}{digits[at + 1 : at + 4]}-{VARIANT[digits[at + 4]]}"
        f"{digits[at + 5 : at + 8]}-{digits[at + 8 : at + 20]}"
        for at in range(0, 2 * RANDOM_BYTES * count, 2 * RANDOM_BYTES)
    ]
