"""A file of Cedar rules taken apart: one statement a rule, with the line on which each begins.

Cedar tells what is wrong with a text and not where, so each rule is read apart. A rule that is
deeper or longer than any person writes is refused before Cedar's own recursion meets it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Misread", "Statement", "statements"]

DEEPEST = 30
MOST_OPERATORS = 200

# a comment ends at either line end; a text ends on its line, though Cedar would let it go on
COMMENT_OR_TEXT = re.compile(r'//[^\n\r]*|"(?:\\.|[^"\\\n])*"')
MARK = re.compile(r"[(\[{)\]};]|&&|\|\||\b(?:when|unless)\b")
CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
OPERATOR = re.compile(r"&&|\|\||[-+*.\[]|\bif\b")
NAMED = re.compile(r"`([^`]+)`|'([^']+)'|: (\S+)$")


class Misread(ValueError):
    """What is wrong with a text, and on which line of it."""

    def __init__(self, line: int, said: str) -> None:
        super().__init__(said)
        self.line, self.said = line, said


@dataclass(frozen=True)
class Statement:
    """One rule as it is written, up to and with its semicolon; `line` is where it begins."""

    text: str
    line: int

    def beginnings(self) -> Iterator[tuple[int, str]]:
        """Each line of the rule, as numbered in the file, with the rule up to its end."""
        for end in re.finditer(r"\n|$", _shape(self.text)):
            beginning = self.text[: end.start()]
            yield self.line + beginning.count("\n"), beginning

    def parts(self) -> Iterator[tuple[int, str]]:
        """The rule up to each `&&` and `||` and up to each clause, closed so that it is a rule.

        With it comes where its last part begins, so that what is wrong in one and in none before
        stands there.
        """
        begin, closing = 0, ""
        for mark in MARK.finditer(_shape(self.text)):
            if mark[0] in CLOSED_BY:
                if not closing and mark[0] == "{":
                    begin = mark.end()
                closing = CLOSED_BY[mark[0]] + closing
            elif mark[0] in closing[:1]:
                closing = closing[1:]
            elif not (closing and mark[0] in ("when", "unless")):
                yield begin, f"{self.text[: mark.start()]}{closing};"
                begin = mark.end()

    def line_of(self, complaint: str, begin: int = 0) -> int:
        """The first line from there on with what the complaint names, else the one there."""
        code = COMMENT_OR_TEXT.sub(lambda found: _blank(found, keep=found[0][0] == '"'), self.text)
        begin += len(code[begin:]) - len(code[begin:].lstrip())
        for groups in NAMED.findall(complaint):
            word = next(filter(None, groups))
            if found := re.compile(rf"(?<!\w){re.escape(word)}(?!\w)").search(code, begin):
                return self.line + code.count("\n", 0, found.start())
        return self.line + code.count("\n", 0, begin)


def statements(text: str) -> list[Statement]:
    """The rules of a file in their order; what follows the last semicolon is a rule too.

    Raises Misread.
    """
    shape = _shape(text)
    if '"' in shape:
        raise Misread(
            _line(text, shape.index('"')), "a text begins here that does not end on its line"
        )
    found = []
    for rule in re.finditer(r"\s*([^;]*;|[^;]*\S)", shape):
        begin, end = rule.span(1)
        found.append(Statement(text[begin:end], _line(text, begin)))
        _check_size(found[-1], rule[1])
    return found


def _check_size(statement: Statement, shape: str) -> None:
    depth = deepest = 0
    for bracket in re.findall(r"[(\[{)\]}]", shape):
        depth += 1 if bracket in "([{" else -1
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise Misread(statement.line, f"a rule may be {DEEPEST} brackets deep, not {deepest}")
    if (operators := len(OPERATOR.findall(shape))) > MOST_OPERATORS:
        raise Misread(
            statement.line,
            f"a rule may have {MOST_OPERATORS} operators, not {operators}: make it several",
        )


def _shape(text: str) -> str:
    """The text with its comments and quoted texts blanked, so that only the grammar is left."""
    return COMMENT_OR_TEXT.sub(lambda found: _blank(found, keep=False), text)


def _blank(found: re.Match[str], *, keep: bool) -> str:
    return found[0] if keep else ("_" if found[0][0] == '"' else " ") * len(found[0])


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
