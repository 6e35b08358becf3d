"""JSON from files, one value at a time, with what Python's own reader would pass over in silence.

A name that stands twice in one object would lose its first value, and what is nested without end
cannot be written again: both are told.
"""

import json
from collections.abc import Iterator
from typing import IO

from grace.errors import BadInput

__all__ = ["JsonReader", "elements"]

DEEPEST = 100  # levels
BLOCK = 1 << 20  # characters
LONGEST = 1 << 24  # characters of one value
BEHIND_A_NUMBER = 3  # characters: 1 may be the beginning of 1.5 or 1e+5
NEAR_THE_END = 16  # a value that was cut off errs here, or in a text that does not end


class JsonReader:
    """Reads one value; afterwards `trouble` says what is wrong with it, if it is JSON."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object)

    def read(self, text: str, start: int = 0) -> tuple[object, int]:
        """The value that begins at `start`, and where it ends; raises ValueError."""
        self.trouble = None
        try:
            value, end = self._decoder.raw_decode(text, start)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if _opened(text, start, end) > DEEPEST and _depth(value) > DEEPEST:
            self.trouble = f"it is nested more than {DEEPEST} levels deep"
        return value, end

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            self.trouble = f"the name {twice!a} stands twice in one object"
        return made


def _opened(text: str, start: int, end: int) -> int:
    return text.count("{", start, end) + text.count("[", start, end)


def _depth(value: object) -> int:
    """Levels of lists and objects, without going deeper itself."""
    depth, level = 0, [value]
    while level := [part for part in level if isinstance(part, list | dict)]:
        depth += 1
        level = [
            inner for part in level for inner in (part.values() if isinstance(part, dict) else part)
        ]
    return depth


def elements(opened: IO[str]) -> Iterator[tuple[str | None, int, object, str | None]]:
    """The values of a list, or of the lists in an object, in a document of any length.

    Each comes with the name of its list (None for the document itself), its number from 1, and the
    trouble with it: then its text stands for the value. A value that is no list comes as number 0.
    Raises BadInput where the document is not JSON.
    """
    document = _Document(opened)
    if document.peek() == "{":
        yield from _of_object(document)
    elif document.peek() == "[":
        yield from _of_list(document, None)
    else:
        raise document.broken("expected a list of objects, or an object of such lists")
    if document.peek():
        raise document.broken("more follows its end")


def _of_object(document: "_Document") -> Iterator[tuple[str | None, int, object, str | None]]:
    document.take("{")
    while document.peek() != "}":
        name, _ = document.value()
        if not isinstance(name, str):
            raise document.broken("expected a name in quotation marks")
        document.take(":")
        if document.peek() == "[":
            yield from _of_list(document, name)
        else:
            yield name, 0, *document.value()
        if document.peek() != "}":
            document.take(",", before='"')
    document.take("}")


def _of_list(
    document: "_Document", name: str | None
) -> Iterator[tuple[str | None, int, object, str | None]]:
    document.take("[")
    number = 0
    if document.peek() == "]":
        # so that an empty list is met too
        yield name, 0, [], None
    while document.peek() != "]":
        number += 1
        yield name, number, *document.value()
        if document.peek() != "]":
            document.take(",", instead="]")
    document.take("]")


class _Document:
    """A window that moves over the text: one value and some more at a time."""

    def __init__(self, opened: IO[str]) -> None:
        self._opened, self._reader = opened, JsonReader()
        self._text, self._at, self._before = "", 0, 0
        self._ended = False

    def peek(self) -> str:
        """The next sign that is no space; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more()

    def take(self, sign: str, before: str | None = None, instead: str | None = None) -> None:
        """Go past a sign; `before` must come next, `instead` must not."""
        if self.peek() != sign:
            raise self.broken(f"expected {sign!r}")
        self._at += 1
        if (before and self.peek() != before) or (instead and self.peek() == instead):
            raise self.broken(f"nothing follows {sign!r}")

    def value(self) -> tuple[object, str | None]:
        self.peek()
        while True:
            try:
                value, end = self._reader.read(self._text, self._at)
            except ValueError as problem:
                if self._ended or self._is_broken(problem):
                    raise self.broken(str(getattr(problem, "msg", problem))) from None
            else:
                if end + BEHIND_A_NUMBER <= len(self._text) or self._ended:
                    return self._past(value, end)
            self._more()

    def broken(self, said: str) -> BadInput:
        return BadInput(f"it is not such JSON at character {self._before + self._at + 1}: {said}")

    def _past(self, value: object, end: int) -> tuple[object, str | None]:
        text, trouble = self._text[self._at : end], self._reader.trouble
        self._at = end
        return (text, trouble) if trouble else (value, None)

    def _is_broken(self, problem: ValueError) -> bool:
        """Whether more text could not mend it."""
        if len(self._text) - self._at > LONGEST or not isinstance(problem, json.JSONDecodeError):
            return True
        cut_off = problem.msg.startswith("Unterminated string")
        return not cut_off and problem.pos < len(self._text) - NEAR_THE_END

    def _more(self) -> None:
        # as much again as is there already, so that a long value is not read over and over
        left = self._text[self._at :]
        block = self._opened.read(max(BLOCK, len(left)))
        self._ended = not block
        self._before += self._at
        self._text, self._at = left + block, 0
