"""What `str` would say of an exception of which a log holds the `repr`.

Prefect tells a final failure by the one and a retried attempt by the other; both are one error.
"""

import builtins
import re
import signal
from collections.abc import Callable

__all__ = ["message_of", "unquoted"]

_TEXT = r"[bru]?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
_ONE = re.compile(_TEXT, re.DOTALL)
_NUMBERED = re.compile(rf"(?P<number>-?\d+), (?P<said>{_TEXT})", re.DOTALL)
_COMMAND = re.compile(r"(?P<code>-?\d+), (?P<command>.*)", re.DOTALL)
_UNICODE = re.compile(
    rf"(?P<codec>{_TEXT}), {_TEXT}, (?P<start>\d+), (?P<end>\d+), (?P<reason>{_TEXT})", re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\n", "t": "\t"}


def message_of(kind: str, arguments: str) -> str:
    """`kind` is the class, `arguments` what stands between the brackets."""
    arguments = arguments.strip().removesuffix(",")
    if _ONE.fullmatch(arguments):
        # alone among the common ones a KeyError is told by the repr of what it lacks
        return arguments if kind == "KeyError" else unquoted(arguments)
    own = _OWN[kind](arguments) if kind in _OWN else None
    return own or (f"({arguments})" if "," in arguments else arguments)


def unquoted(text: str) -> str:
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])


def _numbered(arguments: str) -> str | None:
    """Of OSError and its kind; their repr does not tell the file."""
    found = _NUMBERED.fullmatch(arguments)
    return found and f"[Errno {found['number']}] {unquoted(found['said'])}"


def _secure(arguments: str) -> str | None:
    found = _NUMBERED.fullmatch(arguments)
    return found and unquoted(found["said"])


def _command(arguments: str) -> str | None:
    found = _COMMAND.fullmatch(arguments)
    if found is None:
        return None
    code, command = int(found["code"]), found["command"]
    command = unquoted(command) if _ONE.fullmatch(command) else command
    if -code in {one.value for one in signal.Signals}:
        return f"Command '{command}' died with {signal.Signals(-code)!r}."
    return f"Command '{command}' returned non-zero exit status {code}."


def _undecoded(arguments: str) -> str | None:
    found = _UNICODE.fullmatch(arguments)
    if found is None:
        return None
    first, last = int(found["start"]), int(found["end"]) - 1
    where = (
        f"byte 0x00 in position {first}" if first == last else f"bytes in position {first}-{last}"
    )
    return f"{found['codec']} codec can't decode {where}: {unquoted(found['reason'])}"


_OS_ERRORS = [
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, OSError)
]
_OWN: dict[str, Callable[[str], str | None]] = {
    **dict.fromkeys([*_OS_ERRORS, "gaierror", "herror"], _numbered),
    "CalledProcessError": _command,
    "SSLCertVerificationError": _secure,
    "SSLError": _secure,
    "UnicodeDecodeError": _undecoded,
}
