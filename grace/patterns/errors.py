"""An error as it stands in a log, read into its type, its message and the frames it came through.

The texts are those that occur: messages of Prefect's states, its log lines, representations of
exceptions, Python tracebacks, and plain lines. Of exceptions chained to each other the last one
counts. The same exception reads the same from each of them: its type is the bare name of its class,
because a representation does not tell the module, and its message is the first line.
"""

import re
from dataclasses import dataclass

from grace.patterns.represented import message_of, unquoted
from grace.patterns.tracebacks import innermost, is_traceback, last_exception

__all__ = ["Error", "parse"]

LONGEST = 40_000  # characters of a text: its beginning and its end are read, the middle is not
LONGEST_MESSAGE = 1_000

_PREFECT = re.compile(
    r"(?:Task|Flow) run (?:encountered (?:an |unexpected |an unexpected )exception"
    r"|failed with exception|failed due to timeout):? *"
    r"|Execution was interrupted by an unexpected exception: "
)
_STATE = re.compile(
    r"(?:Task run failed with state: |Finished in state )?"
    r"[A-Za-z]+\((?:message=)?(?P<said>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"(?:, type=[A-Z]+)?(?:, result=.*)?\)",
    re.DOTALL,
)
_FINISHED = ("Task run failed with state: ", "Finished in state ")
_RETRIES = re.compile(r" - (?:Retry \d+/\d+ will start|Retries are exhausted).*", re.DOTALL)
_NAME = r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*"
_ANY = re.compile(rf"(?P<type>{_NAME})(?::(?:\s+(?P<said>.*))?)?", re.DOTALL)
# in a plain line only a name that says so is that of an exception
_SURE = re.compile(
    r"(?P<type>(?:[A-Za-z_]\w*\.)*(?:[A-Za-z_]\w*(?:Error|Warning|Timeout|Fault|Failure)"
    r"|\w*Exception(?:Group)?|KeyboardInterrupt|SystemExit|StopIteration|StopAsyncIteration"
    r"|GeneratorExit))(?::(?:\s+(?P<said>.*))?)?",
    re.DOTALL,
)
_REPRESENTED = re.compile(rf"(?P<type>{_NAME})\((?P<said>.*)\)", re.DOTALL)
# pydantic's repr is its text, and tells no type
_VALIDATION = re.compile(r"\d+ validation errors? for ")
# the file of an OSError, which its representation does not tell
_FILE = re.compile(r"(?P<kept>\[(?:Errno|WinError) -?\d+\] [^:\n]*): ['\"b].*", re.DOTALL)


@dataclass(frozen=True)
class Error:
    """`type` is None for a line that names no exception.

    `message` is one line; `frames` are *file:function*, innermost last, without line numbers.
    """

    type: str | None
    message: str
    frames: tuple[str, ...] = ()


def parse(
    text: str | None,
    error_type: str | None = None,
    stack_trace: str | None = None,
    error_file: str | None = None,
) -> Error:
    """Whatever the texts are, something comes of them; what stands beside the text is believed.

    `error_file` stands for the frames where neither text nor `stack_trace` has any.
    """
    told = _readable(text or "")
    trace = _readable(stack_trace or "")
    given = _bare(error_type or "") or None
    error = _read(told, given)
    if error.type is None and is_traceback(trace):
        traced = _read(trace, given)
        error = Error(traced.type, error.message or traced.message, traced.frames)
    frames = innermost(trace) or error.frames
    if not frames and error_file:
        frames = (re.split(r"[\\/]", _readable(error_file))[-1],)
    return Error(given or error.type, error.message, frames)


def _read(text: str, given: str | None) -> Error:
    if is_traceback(text):
        kind, message = _exception(last_exception(text), _ANY)
        return Error(kind, message, innermost(text))
    return Error(*_line(text, given))


def _line(text: str, given: str | None) -> tuple[str | None, str]:
    """Type and message of what is no traceback."""
    if text.startswith(_FINISHED) and (state := _STATE.fullmatch(_RETRIES.sub("", text))):
        return _line(unquoted(state["said"]), given)
    told = _PREFECT.match(text)
    if told:
        return _exception(_RETRIES.sub("", text[told.end() :]), _ANY)
    kind, message = _exception(text, _ANY if given else _SURE)
    if given and kind != given:  # the first word was not the type: it is part of the message
        return given, _clean(given, text)
    return kind, message


def _exception(said: str, named: re.Pattern[str]) -> tuple[str | None, str]:
    """Read `Type('message')` or `Type: message`, a type by itself too."""
    said = said.strip()
    if _VALIDATION.match(said):
        return "ValidationError", _clean(None, said)
    represented = _REPRESENTED.fullmatch(said)
    if represented and named.fullmatch(represented["type"]):
        kind = _bare(represented["type"])
        return kind, _clean(kind, message_of(kind, represented["said"]))
    found = named.fullmatch(said)
    if found is None:
        return None, _clean(None, said)
    kind = _bare(found["type"])
    return kind, _clean(kind, found["said"] or "")


def _bare(name: str) -> str:
    return _readable(name).strip().rpartition(".")[2]


def _clean(kind: str | None, message: str) -> str:
    """The first line, as it is told in every form."""
    message = message.strip()
    if kind == "KeyError" and " " in message:  # a sentence, and no key
        message = (
            unquoted(message) if message[:1] == message[-1:] and message[0] in "'\"" else message
        )
    elif message.startswith("["):
        message = _FILE.sub(r"\g<kept>", message)
    return message.strip().partition("\n")[0].strip()[:LONGEST_MESSAGE]


def _readable(text: str) -> str:
    """Without halves of characters, which no database takes, and not endless."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}\n  {text[-LONGEST // 2 :]}"  # what is cut is no new line
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.strip()
