"""Taking out of a message what differs from one occurrence to the next.

One expression, tried from left to right; at each place the part that stands first below wins. What
says *which* error it is stays: the number of an HTTP status, an exit code, an errno, because what
helps against a 503 does not help against a 404. No other digit is left, and masking twice changes
nothing.
"""

import re
from functools import lru_cache

__all__ = ["codes", "mask"]

_REASON = (
    "Client Error|Server Error|Bad Request|Unauthorized|Forbidden|Not Found|Method Not Allowed"
    "|Request Time-?out|Conflict|Gone|Payload Too Large|Unprocessable Entity|Too Many Requests"
    "|Internal Server Error|Not Implemented|Bad Gateway|Service Unavailable|Gateway Time-?out"
)
_TOP = "com|org|net|edu|gov|io|local|internal|lan"
_SCALES = "[kKMGT]i?B|[num]?s|min|B|[hmd]|%"
_KEPT, _HEX = "", "[0-9a-fA-F]"
# No part begins within a word or right after a mask, nor ends within a word or right before one: so
# what was left alone the first time is left alone the second time.
_BEGIN, _END = r"(?<![\w>])", r"(?![\w<])"
_FROM_THE_BEGINNING = (
    (
        _KEPT,
        r"(?i:http(?:/\d(?:\.\d)?)?|errno|(?:exit |status |error )?code|(?:exit )?status)"
        r"(?: code| of)?[ :=#]{1,3}-?\d{1,5}(?![.:/-]?\w|<)",
    ),
    (_KEPT, rf"'?[45]\d\d (?:{_REASON})'?{_END}"),
    (_KEPT, r"[A-Za-z]+(?![\w.@/<+'\"-]|:\S)"),  # a plain word, passed over at once
    ("STR", r"(?<!['\"])[bru]?(?:'(?:[^'<>\\]|\\.)*'|\"(?:[^\"<>\\]|\\.)*\")(?![\w<'\"])"),
    ("STR", rf"`[^`<>]+`{_END}"),
    ("URL", r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+"),
    ("EMAIL", rf"[\w.+-]+@[\w-]+(?:\.[\w-]+)+{_END}"),
    (
        "TIME",
        r"\d{4}(?:-\d\d-|/\d\d/)\d\d"
        rf"(?:[T ]\d\d:\d\d[\d:.,]*(?:Z|[+-]\d\d:?\d\d)?)?{_END}",
    ),
    ("TIME", rf"\d{{1,2}}:\d\d:\d\d(?:[.,]\d+)?{_END}"),
    ("ID", rf"{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}{_END}"),
    ("ID", rf"0x{_HEX}+{_END}"),
    ("IP", rf"\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+)?{_END}"),
    ("IP", rf"(?={_HEX}*:[0-9a-fA-F:]*\d)(?:{_HEX}{{0,4}}:){{2,7}}{_HEX}{{0,4}}{_END}"),
    ("PATH", r"(?<![/\\.~])(?:~|\.\.?|[A-Za-z]:)?(?:[/\\][\w.@+~=%$-]+){2,}[/\\]?(?!<)"),
    ("PATH", rf"(?<![/\\.~])[\w.-]+(?:/[\w.@+~=%$-]+)*/[\w.@+~=%$-]*\.[A-Za-z]\w{{0,9}}{_END}"),
    ("HOST", rf"(?<![.-])[A-Za-z0-9][\w-]*(?:\.[\w-]+)*(?:\.[\w-]+:\d+|\.(?:{_TOP})){_END}"),
)
_FROM_ANYWHERE = (
    (_KEPT, r"<[A-Z]+>"),
    ("ID", r"(?<![A-Za-z0-9>])(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,}(?![A-Za-z0-9<])"),
    ("ID", r"(?<![A-Za-z0-9>])[A-Za-z]*\d+[A-Za-z]+\d[A-Za-z0-9]*"),
    ("NUM", rf"(?:(?<![A-Za-z0-9>])[-+])?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?(?:{_SCALES})?{_END}"),
    ("NUM", r"(?:(?<![A-Za-z0-9>])[-+])?\d+"),
)


def _either(parts: tuple[tuple[str, str], ...]) -> str:
    return "|".join(f"({part})" for _, part in parts)


_EXPRESSION = re.compile(f"{_BEGIN}(?:{_either(_FROM_THE_BEGINNING)})|{_either(_FROM_ANYWHERE)}")
_NAMES = tuple(f"<{name}>" if name else "" for name, _ in (*_FROM_THE_BEGINNING, *_FROM_ANYWHERE))
# a value, or a key with one
_VALUE = r"<[A-Z]+>(?:: <[A-Z]+>)?"
_LIST = re.compile(rf"({_VALUE})(?:, ?{_VALUE})+")
_NUMBER = re.compile(r"\d+")


@lru_cache(maxsize=20_000)
def mask(message: str) -> str:
    """The message with <NUM>, <STR>, … in place of what varies; of a list one value is left."""
    masked = _EXPRESSION.sub(_replace, " ".join(message.split()))
    if ">, <" in masked or ">,<" in masked:
        masked = _LIST.sub(r"\1", masked)
    return masked


def codes(masked: str) -> tuple[str, ...]:
    """The numbers that were not masked, because they say which error it is."""
    return tuple(_NUMBER.findall(masked))


def _replace(match: re.Match[str]) -> str:
    return _NAMES[(match.lastindex or 1) - 1] or match[0]
