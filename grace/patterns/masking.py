"""Taking out of a message what differs from one occurrence to the next.

One expression, tried from left to right at each place: what stands first wins. The numbers after
*status*, *code*, *errno* and *HTTP* stay, because they say which error it is.
"""

import re
from functools import lru_cache

__all__ = ["mask"]

_PARTS = (
    (
        "",
        r"\b(?:HTTP(?:/\d(?:\.\d)?)?|status|code|errno|exit)(?:[ =:#'\"\[(]| code ){1,3}\d{1,5}\b",
    ),
    ("URL", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>]+"),
    ("TIME", r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"),
    ("TIME", r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"),
    ("UUID", r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"),
    ("IP", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.]\d)"),
    ("PATH", r"(?<![\w/<>])(?:[A-Za-z]:)?(?:[/\\][\w.@+~-]+){2,}[/\\]?"),
    # a quoted word is a value; a quoted sentence says what happened
    ("STR", r"(?<!\w)'[^'\s<>]{1,100}'(?!\w)|(?<!\w)\"[^\"\s<>]{1,100}\"(?!\w)"),
    ("HEX", r"\b0x[0-9a-f]+\b"),
    ("HEX", r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b"),
    ("NUM", r"(?<![A-Za-z0-9])[-+]?\d+(?:[.,]\d+)*(?=[A-Za-z]{0,3}\b|_|%)"),
)
_MASKED = tuple(name for name, _ in _PARTS)
_EXPRESSION = re.compile("|".join(f"({part})" for _, part in _PARTS), re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_LONGEST = 2000  # characters: what comes later tells nothing new of an error's kind


@lru_cache(maxsize=20_000)
def mask(message: str) -> str:
    """The message with <URL>, <NUM>, … in place of what varies; masking twice changes nothing."""
    return _EXPRESSION.sub(_replace, _SPACES.sub(" ", message[:_LONGEST])).strip()


def _replace(match: re.Match[str]) -> str:
    name = _MASKED[(match.lastindex or 1) - 1]
    return f"<{name}>" if name else match[0]
