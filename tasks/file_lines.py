"""Text files line by line, and the CSV records that are made of lines, in bounded memory.

A line that is broken is told with its text and costs no other line: where a quotation mark is never
closed, the lines that it swallowed are read again, each for itself.
"""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

__all__ = ["DECODING", "Line", "Record", "lines", "records"]

# what is no UTF-8 becomes half surrogate pairs, so that it costs its own row alone
DECODING = {"encoding": "utf-8-sig", "errors": "surrogateescape", "newline": ""}
LONGEST = 1 << 22  # characters of one line, and of one cell
SHOWN = 1 << 16  # characters that are kept of a longer line
TOO_LONG = f"the line is longer than {LONGEST} characters; only its beginning is kept"


@dataclass(frozen=True, slots=True)
class Line:
    """`whole` is false where a line was too long and its text is only its beginning."""

    number: int
    text: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of a CSV record; or none, with its text and what is wrong with it."""

    number: int
    cells: list[str]
    text: str = ""
    trouble: str | None = None


class _TooLong(Exception):
    pass


def lines(opened: IO[str]) -> Iterator[Line]:
    """With their ends, numbered from 1."""
    number = 0
    while text := opened.readline(LONGEST):
        number += 1
        if len(text) < LONGEST or text.endswith(("\n", "\r")):
            yield Line(number, text)
            continue
        while (more := opened.readline(LONGEST)) and not more.endswith(("\n", "\r")):
            pass
        yield Line(number, text[:SHOWN], whole=False)


class _Feed:
    """What the CSV reader takes its lines from; keeps those of the record under way."""

    def __init__(self, source: Iterator[Line]) -> None:
        self._source = source
        self._again: deque[Line] = deque()
        self.taken: list[Line] = []

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._source)
        self.taken.append(line)
        if not line.whole:
            raise _TooLong
        return line.text

    def keep_first(self) -> Line:
        """Takes all lines of the record back but its first, which is returned."""
        first, *rest = self.taken
        self._again.extendleft(reversed(rest))
        self.taken = [first]
        return first


def records(source: Iterator[Line]) -> Iterator[Record]:
    """CSV as in RFC 4180, with commas; empty lines are none.

    Every record has as many cells as the first, the header, or its trouble says that it has not.
    """
    csv.field_size_limit(LONGEST)
    feed = _Feed(source)
    reader = csv.reader(feed, strict=True)
    width = 0
    while True:
        feed.taken = []
        record = _record(reader, feed, width)
        if record is None:
            return
        width = width or len(record.cells)
        if record.cells or record.trouble:
            yield record


def _record(reader: Iterator[list[str]], feed: _Feed, width: int) -> Record | None:
    try:
        cells = next(reader)
    except StopIteration:
        return None
    except csv.Error as problem:
        return _broken(feed, f"the line is no CSV: {problem}")
    except _TooLong:
        trouble = TOO_LONG if len(feed.taken) == 1 else "a quotation mark is not closed"
        return _broken(feed, trouble)
    if not cells or not width or len(cells) == width:
        return Record(feed.taken[0].number, cells)
    return _broken(feed, f"the line has {len(cells)} cells, the header {width}")


def _broken(feed: _Feed, trouble: str) -> Record:
    first = feed.keep_first()
    return Record(first.number, [], first.text, trouble)
