"""The ledger entry: what a leaf commits to, as RFC 8785 JSON of strings and small integers.

The row itself stays out, only its salted digest is in: a payload can be erased and every proof
still holds.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import repeat
from json.encoder import encode_basestring

from grace.values import from_microseconds

__all__ = ["MAX_ENTRY_BYTES", "VERSION", "encode_entries", "encode_entry", "timestamp"]

VERSION = 1
MAX_ENTRY_BYTES = 1024
KNOWN_TIMES = 10_000
HEX = b"0123456789abcdef"
SAFE_INTEGER = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it JSON readers may round


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with six decimals: 2025-01-31T23:59:59.000001Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode_entry(table: str, id: str, revision: int, recorded_at: datetime, digest: bytes) -> bytes:
    """The entry in canonical JSON; ValueError where it is over 1 KB or not representable.

    Formatted by hand: the members stand in the order RFC 8785 sorts them, and the rfc8785 library,
    to which the tests hold this, is thirty times slower.
    """
    if not -SAFE_INTEGER <= revision <= SAFE_INTEGER:
        raise ValueError(f"revision {revision} is beyond what JSON holds exactly")
    entry = (
        f'{{"digest":"{digest.hex()}","id":{encode_basestring(id)},'
        f'"recorded_at":"{timestamp(recorded_at)}","revision":{revision},'
        f'"table":{encode_basestring(table)},"version":{VERSION}}}'
    ).encode()
    if len(entry) > MAX_ENTRY_BYTES:
        raise ValueError(f"the entry of {id[:40]!r} is {len(entry)} bytes, over {MAX_ENTRY_BYTES}")
    return entry


def encode_entries(
    table: str,
    ids: Sequence[bytes],
    revisions: Sequence[int],
    recorded_at: Sequence[int],
    digests: Sequence[bytes],
    before: bytes = b"",
) -> Iterator[bytes]:
    """Entries of rows of one of Grace's tables, given as columns, each behind `before`.

    Ids are UTF-8, times whole microseconds. Sizes are not looked at: neither is what a database
    holds for a writer to refuse, nor can an id of Grace's own be long.
    """
    texts = b"".join(digests).hex().encode()
    hexes = [texts[at : at + 64] for at in range(0, len(texts), 64)]
    if b"".join(ids).translate(None, HEX + b"-"):
        ids = [encode_basestring(id.decode())[1:-1].encode() for id in ids]
    parts = (
        repeat(before + b'{"digest":"'),
        hexes,
        repeat(b'","id":"'),
        ids,
        repeat(b'","recorded_at":"'),
        map(TIMES.__getitem__, recorded_at),
        repeat(b'","revision":'),
        [b"%d" % revision for revision in revisions],
        repeat(f',"table":"{table}","version":{VERSION}}}'.encode()),
    )
    return map(b"".join, zip(*parts))  # noqa: B905 - the repeated pieces never end


class _Times(dict[int, bytes]):
    """RFC 3339 texts of microseconds: the rows of one transaction share theirs."""

    def __missing__(self, count: int) -> bytes:
        if len(self) > KNOWN_TIMES:
            self.clear()
        text = self[count] = timestamp(from_microseconds(count)).encode()
        return text


TIMES = _Times()
