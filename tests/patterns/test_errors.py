"""An error is read the same from every text in which it occurs."""

import json
import socket
import subprocess
import traceback
from pathlib import Path

import httpx
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.patterns.errors import LONGEST, Error, parse

CHAINED = """Traceback (most recent call last):
  File "/srv/app/fetch.py", line 10, in fetch
    connect()
  File "/usr/lib/python3.11/socket.py", line 3, in connect
    raise TimeoutError
TimeoutError

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "C:\\srv\\app\\load.py", line 99, in load
    raise ValueError("page 7 is broken")
  File "/venv/lib/python3.11/site-packages/lib/deep.py", line 5, in deep
    go()
ValueError: page 7 is broken
"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/srv/app/all.py", line 4, in gather
  |     raise ExceptionGroup("three pages", errors)
  | ExceptionGroup: three pages (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app/one.py", line 1, in one
    | ValueError: bad
    +---------------- 2 ----------------
    | TypeError: worse
    +------------------------------------
"""


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("Task run encountered an exception RuntimeError: HTTP 503", "RuntimeError", "HTTP 503"),
        ("Task run encountered an exception Refused: no", "Refused", "no"),
        ("Flow run encountered an exception: ValueError: bad", "ValueError", "bad"),
        ("Flow run encountered an exception: app.Stop", "Stop", ""),
        ("Task run encountered unexpected exception: Refused('no')", "Refused", "no"),
        ("Execution was interrupted by an unexpected exception: OSError: x", "OSError", "x"),
        ("httpx.ReadError: reset by peer", "ReadError", "reset by peer"),
        ("ReadTimeout", "ReadTimeout", ""),
        ("TimeoutError()", "TimeoutError", ""),
        ("Exception: by itself", "Exception", "by itself"),
        ("ValueError: first line\nsecond line", "ValueError", "first line"),
        (
            "Task run failed with exception: OSError('x') - Retry 1/2 will start 3.0 second(s)",
            "OSError",
            "x",
        ),
        (
            "Task run failed with exception: KeyError('a') - Retries are exhausted",
            "KeyError",
            "'a'",
        ),
        (
            "Task run failed with state: Failed(message='no', type=FAILED, result=None) - Retry 1/2"
            " will start immediately",
            None,
            "no",
        ),
        ("Finished in state Failed('1/3 states failed.')", None, "1/3 states failed."),
        ("disk is full", None, "disk is full"),
        ("Note: this is no type", None, "Note: this is no type"),
        ("", None, ""),
    ],
)
def test_the_texts_that_occur(text: str, kind: str | None, message: str) -> None:
    """Messages of states, log lines of retries, plain lines; the first line is the message."""
    assert parse(text) == Error(kind, message)


class Order(pydantic.BaseModel):
    number: int


FAILURES = {
    "key": lambda: {}["a"],
    "key that is a sentence": lambda: (_ for _ in ()).throw(KeyError("no column a in b")),
    "file": lambda: Path("/nowhere/at/all").read_text(),
    "host": lambda: (_ for _ in ()).throw(socket.gaierror(-2, "Name or service not known")),
    "json": lambda: json.loads("{"),
    "bytes": lambda: b"\xff".decode(),
    "command": lambda: subprocess.run(["false", "it's"], check=True),
    "killed": lambda: (_ for _ in ()).throw(subprocess.CalledProcessError(-9, "sleep 9")),
    "validation": lambda: Order(number="x"),
    "status": lambda: httpx.Response(
        503, request=httpx.Request("GET", "http://h/x")
    ).raise_for_status(),
    "quotes": lambda: (_ for _ in ()).throw(RuntimeError('it\'s "so"\tand\nso')),
    "two arguments": lambda: (_ for _ in ()).throw(RuntimeError("a", 3)),
    "nothing to say": lambda: (_ for _ in ()).throw(TimeoutError()),
    "a number": lambda: (_ for _ in ()).throw(RuntimeError(3)),
}


@pytest.mark.parametrize("name", FAILURES)
def test_one_failure_reads_the_same_in_every_form(name: str) -> None:
    """What really was raised, in a state, in a flow's state, in a retry's line, and by columns."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever is raised
        FAILURES[name]()
    error, kind = raised.value, type(raised.value).__name__
    forms = [
        parse(f"Task run encountered an exception {kind}: {error}"),
        parse(f"Flow run encountered an exception: {kind}: {error}"),
        parse(f"Task run failed with exception: {error!r} - Retry 1/3 will start immediately"),
        parse(str(error), kind),
        parse(repr(error), kind),
    ]
    masked = {(form.type, _without_byte(form.message), form.frames) for form in forms}
    assert len(masked) == 1
    assert forms[0].type == kind
    traced = parse("".join(traceback.format_exception(error)))
    assert (traced.type, traced.message) == (kind, forms[0].message)
    assert traced.frames


def _without_byte(message: str) -> str:
    """The one thing that is made up: which byte it was, a number like any other."""
    return message.replace("0xff", "0x00")


def test_of_chained_tracebacks_the_last_counts() -> None:
    """Type, message and frames are those of what was raised in the end; no line numbers, and no
    frames of libraries where there are others."""
    assert parse(CHAINED) == Error("ValueError", "page 7 is broken", ("load.py:load",))


def test_an_error_caused_by_another_without_its_own_traceback() -> None:
    text = CHAINED.partition('Traceback (most recent call last):\n  File "C:')[0] + "OSError: gone"
    assert parse(f"Task run encountered an exception {text}") == Error("OSError", "gone")


def test_a_group_is_told_by_itself_and_not_by_its_members() -> None:
    assert parse(GROUP) == Error(
        "ExceptionGroup", "three pages (2 sub-exceptions)", ("all.py:gather",)
    )


def test_frames_of_libraries_count_where_there_are_no_others() -> None:
    trace = (
        'Traceback (most recent call last):\n  File "/v/site-packages/a/b.py", line 1, in c\nX: y'
    )
    assert parse(trace).frames == ("b.py:c",)


def test_recursion_has_no_more_frames_than_its_end() -> None:
    lines = "".join(f'  File "/a/m.py", line {n}, in f{n % 2}\n    x\n' for n in range(900))
    found = parse(f"Traceback (most recent call last):\n{lines}RecursionError: too deep\n")
    assert found == Error("RecursionError", "too deep", ("m.py:f0", "m.py:f1") * 4)


def test_what_columns_say_is_believed() -> None:
    """The type without its module; frames from the trace beside the message, else the file."""
    assert parse("no answer", "app.errors.Lost", CHAINED) == Error(
        "Lost", "no answer", ("load.py:load",)
    )
    assert parse("no answer", "Lost", None, "/srv/app/x.py").frames == ("x.py",)
    assert parse(None, None, CHAINED) == parse(CHAINED)
    assert parse("no answer", None, CHAINED).type == "ValueError"
    assert parse("Lost: no answer", "Lost") == parse("no answer", "Lost")


def test_an_endless_text_is_read_at_both_ends() -> None:
    middle = '  File "/a/m.py", line 1, in f\n    x\n' * LONGEST
    found = parse(f"Traceback (most recent call last):\n{middle}ValueError: at the end")
    assert (found.type, found.message) == ("ValueError", "at the end")


SNIPPETS = st.sampled_from(
    [
        "Traceback (most recent call last):\n",
        '  File "a", line 1, in f\n',
        "Task run encountered ",
        "an exception ",
        "Failed('",
        "')",
        "'",
        '"',
        "(",
        ")",
        ": ",
        "ValueError",
        "KeyError",
        "\n",
        "\\",
        "\\'",
        "\ud800",
        "\0",
        "  + Exception Group Traceback",
        "  +-",
        "[Errno 2] x",
        ", ",
        "CalledProcessError(",
        "-9, ",
        "UnicodeDecodeError('a', b'', ",
        "1, 2, ",
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(SNIPPETS, max_size=12).map("".join))


@given(st.tuples(TEXTS, *[st.none() | TEXTS] * 3))
def test_any_text_can_be_read(texts: tuple[str | None, ...]) -> None:
    """Whatever it is, one line comes of it, which a database takes."""
    found = parse(*texts)
    assert "\n" not in found.message
    for text in (found.type or "", found.message, *found.frames):
        text.encode()
