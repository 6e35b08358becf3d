"""An error is read the same from every text in which it occurs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.patterns.errors import FRAMES, Error, parse

CHAINED = """Traceback (most recent call last):
  File "/srv/app/fetch.py", line 10, in fetch
    connect()
  File "/usr/lib/python3.11/socket.py", line 3, in connect
    raise TimeoutError
TimeoutError

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app/load.py", line 99, in load
    raise ValueError("page 7 is broken")
ValueError: page 7 is broken
"""


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("Task run encountered an exception RuntimeError: HTTP 503", "RuntimeError", "HTTP 503"),
        ("Flow run encountered an exception: ValueError: bad", "ValueError", "bad"),
        ("RuntimeError('HTTP 503')", "RuntimeError", "HTTP 503"),
        ("Task run encountered unexpected exception: KeyError('a')", "KeyError", "a"),
        ('KeyError("it\'s")', "KeyError", "it's"),
        ("httpx.ReadError: reset by peer", "ReadError", "reset by peer"),
        (
            "Task run failed with exception: OSError('x') - Retry 1/2 will start 3 second(s) from",
            "OSError",
            "x",
        ),
        ("ReadTimeout", "ReadTimeout", ""),
        ("disk is full", None, "disk is full"),
        ("Note: this is no type", None, "Note: this is no type"),
        ("ValueError: first line\nsecond line", "ValueError", "first line"),
    ],
)
def test_the_same_error_in_every_form(text: str, kind: str | None, message: str) -> None:
    assert parse(text) == Error(kind, message)


def test_of_chained_tracebacks_the_last_counts() -> None:
    """Type, message and frames are those of what was raised in the end; no line numbers."""
    assert parse(CHAINED) == Error("ValueError", "page 7 is broken", ("load.py:load",))


def test_a_deep_traceback_is_known_by_its_innermost_frames() -> None:
    lines = "".join(f'  File "/a/m{n}.py", line {n}, in f{n}\n    x\n' for n in range(20))
    found = parse(f"Traceback (most recent call last):\n{lines}KeyError: 'a'\n")
    assert len(found.frames) == FRAMES
    assert found.frames[-1] == "m19.py:f19"


def test_what_columns_say_is_believed() -> None:
    """The type of a column wins, without its module; frames come from the trace beside it."""
    found = parse("no answer", "app.errors.Timeout", CHAINED)
    assert found == Error("Timeout", "no answer", ("load.py:load",))


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    """Whatever it is, one line comes of it."""
    assert "\n" not in parse(text).message
    assert "\n" not in parse(f"Traceback (most recent call last):\n{text}").message
