"""Row encoding 1 straight from SQLite's cells, column by column.

The writer encodes values it has just checked (`grace.ledger.encoding`). Here nothing is trusted:
what the file holds is hashed as it stands, and a cell of another storage class than its column's
has no encoding at all. Text comes as bytes, so that not even broken UTF-8 goes unhashed.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

from grace.ledger.encoding import FALSE, FLOAT, INTEGER, NULL, TAGS, TRUE, Heads
from grace.values import Kind

__all__ = ["UNENCODABLE", "pieces"]

Column = Sequence[object]
Pieces = Iterable[bytes]

UNENCODABLE = (TypeError, KeyError, OverflowError, UnicodeDecodeError, struct.error)
NONE = type(None)
STORED: dict[Kind, set[type]] = {
    "integer": {int, NONE},
    "time": {int, NONE},
    "boolean": {int, NONE},
    "float": {float, NONE},
}

HEADS = {kind: Heads(TAGS[kind]).__getitem__ for kind in ("text", "json")}
BOOLEANS = {None: NULL, 0: FALSE, 1: TRUE}.__getitem__


def pieces(kinds: Iterable[Kind], columns: Iterable[Column]) -> list[Pieces]:
    """What joined row by row gives the encoded rows.

    Raises one of UNENCODABLE where a cell is not of its column's storage class. That text is text
    and not a blob, which are both bytes here, is for the query to say.
    """
    found: list[Pieces] = []
    same = b""
    for kind, column in zip(kinds, columns, strict=True):
        # most columns of a log, most of the time
        if column[0] == column[-1] and column.count(column[0]) == len(column):
            same += NULL if column[0] is None else _constant(kind, column)
            continue
        if same:
            found.append(repeat(same))
        same = b""
        found.extend(_pieces(kind, column))
    return [*found, repeat(same, len(column))]


def _constant(kind: Kind, column: Column) -> bytes:
    """The encoding of each cell of a column whose cells are all equal."""
    if kind not in HEADS:
        _insist(kind, column)
    return b"".join(map(next, map(iter, _pieces(kind, column[:1]))))


def _pieces(kind: Kind, column: Column) -> tuple[Pieces, ...]:
    """One sequence, or heads and payloads."""
    if kind in HEADS:
        return _texts(HEADS[kind], column)
    if kind in ("boolean", "float"):  # an integer is insisted on by its packing
        _insist(kind, column)
    if kind == "boolean":
        return (map(BOOLEANS, column),)  # type: ignore[arg-type]
    pack = FLOAT if kind == "float" else INTEGER
    if None not in column:
        return (map(pack, repeat(TAGS[kind]), repeat(8), column),)
    tag = TAGS[kind]
    return ([NULL if number is None else pack(tag, 8, number) for number in column],)


def _texts(head: Callable[[int], bytes], column: Column) -> tuple[Pieces, ...]:
    try:
        return map(head, list(map(len, column))), column  # type: ignore[arg-type, return-value]
    except TypeError:  # as a null has none; a number has none either, and no encoding below
        heads = [NULL if text is None else head(len(text)) for text in column]  # type: ignore[arg-type]
        return heads, [b"" if text is None else text for text in column]  # type: ignore[misc]


def _insist(kind: Kind, column: Column) -> None:
    """Equal is not the same: 1 and 1.0 are, and so would they be to `pack`."""
    if not STORED[kind].issuperset(map(type, column)):
        raise TypeError(f"a cell is not stored as {kind}")
