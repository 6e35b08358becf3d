"""Row encoding 1 straight from SQLite's cells, column by column.

The writer encodes values it has just checked (`grace.ledger.encoding`). Here nothing is trusted:
what the file holds is hashed as it stands, and a cell of another storage class than its column's
has no encoding at all. Text comes as bytes, so that not even broken UTF-8 goes unhashed.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

from grace.ledger.encoding import FALSE, FLOAT, HEAD, INTEGER, NULL, TAGS, TRUE
from grace.values import Kind

__all__ = ["UNENCODABLE", "pieces"]

Column = Sequence[object]
Pieces = Iterable[bytes]

UNENCODABLE = (TypeError, KeyError, OverflowError, UnicodeDecodeError, struct.error)
KNOWN_LENGTHS = 65536
NONE = type(None)


class _Heads(dict[int, bytes]):
    """Tag and length before a text of so many bytes: few lengths make up most of a log."""

    def __init__(self, tag: int) -> None:
        self.tag = tag

    def __missing__(self, length: int) -> bytes:
        head = HEAD(self.tag, length)
        if length < KNOWN_LENGTHS:
            self[length] = head
        return head


HEADS = {kind: _Heads(TAGS[kind]).__getitem__ for kind in ("text", "json")}
BOOLEANS = {None: NULL, 0: FALSE, 1: TRUE}.__getitem__


def pieces(kind: Kind, column: Column) -> tuple[Pieces, ...]:
    """What joined row by row gives the column's cells: one sequence, or heads and payloads.

    Raises one of UNENCODABLE where a cell is not of the column's storage class. That text is
    text and not a blob, which are both bytes here, is for the query to say.
    """
    nulls = column.count(None)
    if nulls == len(column):
        return (repeat(NULL, nulls),)
    if kind in HEADS:
        return _texts(HEADS[kind], column, nulls)
    if kind == "boolean":
        _insist(column, int)
        return (map(BOOLEANS, column),)  # type: ignore[arg-type]
    if kind == "float":
        _insist(column, float)
        return (_numbers(FLOAT, TAGS[kind], column, nulls),)
    return (_numbers(INTEGER, TAGS[kind], column, nulls),)


def _texts(head: Callable[[int], bytes], column: Column, nulls: int) -> tuple[Pieces, ...]:
    if not nulls:
        return map(head, map(len, column)), column  # type: ignore[arg-type, return-value]
    heads = [NULL if text is None else head(len(text)) for text in column]  # type: ignore[arg-type]
    return heads, [text or b"" for text in column]  # type: ignore[misc]


def _numbers(pack: Callable[..., bytes], tag: int, column: Column, nulls: int) -> Pieces:
    if not nulls:
        return map(pack, repeat(tag), repeat(8), column)
    return [NULL if number is None else pack(tag, 8, number) for number in column]


def _insist(column: Column, storage: type) -> None:
    if not {storage, NONE}.issuperset(map(type, column)):
        raise TypeError(f"a cell is not stored as {storage.__name__}")
