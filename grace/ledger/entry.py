"""The ledger entry: what a leaf commits to, as RFC 8785 JSON of strings and small integers.

The row itself stays out, only its salted digest is in: a payload can be erased and every proof
still holds.
"""

from datetime import UTC, datetime
from json.encoder import encode_basestring

__all__ = ["MAX_ENTRY_BYTES", "VERSION", "encode_entry", "timestamp"]

VERSION = 1
MAX_ENTRY_BYTES = 1024
SAFE_INTEGER = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it JSON readers may round


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with six decimals: 2025-01-31T23:59:59.000001Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode_entry(table: str, id: str, revision: int, recorded_at: datetime, digest: bytes) -> bytes:
    """The entry in canonical JSON; ValueError where it is over 1 KB or not representable.

    Formatted by hand: the members stand in the order RFC 8785 sorts them, and the rfc8785 library,
    to which the tests hold this, is thirty times slower.
    """
    return format_entry(table, id, revision, timestamp(recorded_at), digest.hex())


def format_entry(table: str, id: str, revision: int, recorded_at: str, digest: str) -> bytes:
    """As `encode_entry`, of a `timestamp` and a digest in lower-case hex."""
    if not -SAFE_INTEGER <= revision <= SAFE_INTEGER:
        raise ValueError(f"revision {revision} is beyond what JSON holds exactly")
    entry = (
        f'{{"digest":"{digest}","id":{encode_basestring(id)},"recorded_at":"{recorded_at}",'
        f'"revision":{revision},"table":{encode_basestring(table)},"version":{VERSION}}}'
    ).encode()
    if len(entry) > MAX_ENTRY_BYTES:
        raise ValueError(f"the entry of {id[:40]!r} is {len(entry)} bytes, over {MAX_ENTRY_BYTES}")
    return entry
