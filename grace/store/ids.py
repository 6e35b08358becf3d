"""UUIDv7 (RFC 9562 §5.7): sortable by time, random beyond the millisecond."""

import os
from datetime import datetime
from uuid import UUID

from grace.values import microseconds

__all__ = ["uuid7"]


def uuid7(now: datetime, entropy: bytes | None = None) -> str:
    """A new identifier as 36 characters; `entropy` is 10 bytes, the system's own if None."""
    random = int.from_bytes(entropy or os.urandom(10), "big")
    milliseconds = microseconds(now) // 1000
    number = (milliseconds & (1 << 48) - 1) << 80 | random
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=number))
