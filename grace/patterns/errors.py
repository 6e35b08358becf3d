"""An error as it stands in a log, read into its type, its message and the frames it came through.

The texts are those that occur: messages of Prefect's states, representations of exceptions, Python
tracebacks, and plain lines. A traceback with several exceptions tells of the last.
"""

import re
from dataclasses import dataclass

__all__ = ["Error", "parse"]

_PREFECT = re.compile(
    r"^(?:Task|Flow) run (?:encountered (?:an|unexpected) exception|failed with exception):? +"
)
_RETRIES = re.compile(r" - (?:Retry \d+/\d+ will start|Retries are exhausted).*$", re.DOTALL)
_REPRESENTED = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)\((?P<said>.*)\)$", re.DOTALL)
# a name of two humps or one that says what it is; after Prefect's words any name is a type
_NAMED = re.compile(
    r"^(?P<type>(?:[A-Za-z_]\w*\.)*(?:[A-Z]\w*[a-z]\w*[A-Z]\w*|\w*(?:Error|Exception|Warning|Exit)))"
    r"(?:: ?(?P<said>.*))?$",
    re.DOTALL,
)
_ANY_NAME = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: ?(?P<said>.*))?$", re.DOTALL)
_FRAME = re.compile(r'^ +File "(?P<file>[^"]+)", line \d+, in (?P<function>.+)$', re.MULTILINE)
_SEPARATOR = re.compile(r"[/\\]")
_TRACEBACK = "Traceback (most recent call last):"
FRAMES = 5  # innermost ones tell one place from another


@dataclass(frozen=True)
class Error:
    """`message` is one line; `frames` are *file:function*, innermost last, without line numbers."""

    type: str | None
    message: str
    frames: tuple[str, ...] = ()


def parse(text: str, error_type: str | None = None, stack_trace: str | None = None) -> Error:
    """Whatever the text is, something comes of it; `error_type` and `stack_trace` are believed."""
    told, from_prefect = _PREFECT.subn("", text.strip(), count=1)
    said = _RETRIES.sub("", told)
    trace = stack_trace or (said if _TRACEBACK in said else None)
    if _TRACEBACK in said:
        said = _last_exception(said)
    found, message = _typed(said, _ANY_NAME if from_prefect else _NAMED)
    kind = error_type or found
    return Error(kind and kind.rpartition(".")[2], _first_line(message), _frames(trace))


def _typed(said: str, named: re.Pattern[str]) -> tuple[str | None, str]:
    if match := _REPRESENTED.match(said):
        return match["type"], _unquoted(match["said"])
    if match := named.match(said):
        return match["type"], match["said"] or ""
    return None, said


def _unquoted(said: str) -> str:
    """The text within a representation of one: up to its first line break, which is escaped."""
    quote = said[:1]
    if quote not in ("'", '"'):
        return said
    return said[1:].rstrip(",").removesuffix(quote).partition("\\n")[0].replace(f"\\{quote}", quote)


def _last_exception(trace: str) -> str:
    """What stands after the frames of the last traceback: *Type: message*."""
    last = trace.rpartition(_TRACEBACK)[2].splitlines()
    outer = [number for number, line in enumerate(last) if line and not line.startswith(" ")]
    return "\n".join(last[outer[0] :]) if outer else ""


def _frames(trace: str | None) -> tuple[str, ...]:
    if trace is None:
        return ()
    found = _FRAME.findall(trace.rpartition(_TRACEBACK)[2])
    places = [f"{_SEPARATOR.split(file)[-1]}:{function}" for file, function in found]
    return tuple(places[-FRAMES:])


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0].strip()
