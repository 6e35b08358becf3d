"""Which pattern an error is of: the one it was learned into, else none."""

import random

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from benchmarks._exceptions import exceptions
from grace.errors import BadInput
from grace.patterns.errors import parse
from grace.patterns.fingerprint import fingerprint
from grace.patterns.library import Library, Pattern
from grace.patterns.mining import Miner
from grace.patterns.templates import Group
from tests.proposing import NOON

TRACE = 'Traceback (most recent call last):\n  File "/a/{file}.py", line 7, in run\nOSError: gone\n'


def library(*miners: Miner) -> Library:
    return Library(
        Pattern(fingerprint(each.group, each.issued), each.group, each.issued, each.words, NOON)
        for miner in miners
        for each in miner
    )


def taught(*texts: str) -> Library:
    miner = Miner()
    for text in texts:
        miner.add(parse(text))
    return library(miner)


def name(known: Library, text: str, *beside: str | None) -> str | None:
    found = known.match(text, *beside)
    return found.name if found else None


def test_an_unknown_error_is_of_no_pattern() -> None:
    known = taught("RuntimeError: queue alpha is full", "RuntimeError: queue beta is full")
    assert name(known, "RuntimeError: queue gamma is full") == "RuntimeError: queue <*> is full"
    for text in ("ValueError: queue alpha is full", "queue alpha is full", "", "RuntimeError"):
        assert known.match(text) is None
    assert known.match(None) is None
    assert known.fingerprint_of("something else entirely") is None


def test_a_fingerprint_that_was_never_issued_is_refused() -> None:
    known = taught("RuntimeError: queue is full")
    (pattern,) = known
    assert known.pattern(pattern.fingerprint) == pattern
    with pytest.raises(BadInput, match="grace patterns"):
        known.pattern("p1-000000000000")


def test_one_status_is_not_another() -> None:
    """A rule for a 503 must not act on a 404, however much of the words they share."""
    known = taught("RuntimeError: HTTP 503 for page 1 of the shop")
    assert known.match("RuntimeError: HTTP 503 for page 2 of the shop") is not None
    assert known.match("RuntimeError: HTTP 404 for page 2 of the shop") is None


def test_the_narrowest_template_wins_and_of_two_alike_the_oldest() -> None:
    """What was learned by itself is not swallowed by a wider one that covers it too."""
    told = ["a <*> <*> d", "a b <*> d", "a <*> c d", "a b c d"]
    patterns = [
        Pattern(f"p{place}", Group(None), (text,), tuple(text.split()), NOON)
        for place, text in enumerate(told)
    ]
    assert name(Library(patterns), "a b c d") == "a b c d"
    assert name(Library(patterns[:3]), "a b c d") == "a b <*> d"
    assert name(Library(patterns[:3]), "a x c d") == "a <*> c d"
    assert name(Library(patterns[:3]), "a x y d") == "a <*> <*> d"
    assert Library(patterns[:3]).match("a x y z") is None


def test_a_message_cannot_be_a_wildcard() -> None:
    """One that says so itself would else be the pattern of everything as long."""
    known = taught("<*> <*> <*>")
    assert known.match("<*> <*> <*>") is not None
    assert known.match("anything at all") is None


def test_where_the_place_is_not_known_type_and_words_decide() -> None:
    """A traceback of an error learned without one, and the other way round if there is but one."""
    placeless = taught("OSError: gone")
    assert name(placeless, TRACE.format(file="load")) == "OSError: gone"
    placed = taught(TRACE.format(file="load"))
    assert name(placed, "OSError: gone") == "OSError: gone in load.py:run"
    assert placed.match(TRACE.format(file="save")) is None
    both = taught(TRACE.format(file="load"), TRACE.format(file="save"))
    assert both.match("OSError: gone") is None
    assert name(both, TRACE.format(file="save")) == "OSError: gone in save.py:run"
    assert (
        name(both, "gone", "OSError", TRACE.format(file="load")) == "OSError: gone in load.py:run"
    )


def test_every_failure_that_was_learned_finds_its_pattern_again() -> None:
    """Exceptions that Python really raises: the pattern is the one that each was mined into."""
    lines = list(exceptions(random.Random(5), 600))
    miner = Miner()
    for line in lines:
        miner.add(parse(line.text, line.error_type, line.stack_trace))
    mined = [miner.add(parse(line.text, line.error_type, line.stack_trace)) for line in lines]
    known = library(miner)
    found = [known.match(line.text, line.error_type, line.stack_trace) for line in lines]
    assert [pattern.fingerprint if pattern else None for pattern in found] == [
        fingerprint(each.group, each.issued) for each in mined
    ]


LINES = st.lists(st.text(alphabet="abcE 17/:.'-\"<>*rTuo\n(", max_size=40), max_size=25)


@effort(max_examples=200)
@given(LINES)
def test_what_was_mined_is_found_again(lines: list[str]) -> None:
    """Every line is of the pattern that the miner says it is of by now."""
    miner = Miner()
    for line in lines:
        miner.add(parse(line))
    known = library(miner)
    for line in lines:
        if line:
            found, mined = known.match(line), miner.add(parse(line))
            assert found is not None
            assert found.fingerprint == fingerprint(mined.group, mined.issued)


@given(st.text(max_size=300), st.none() | st.text(max_size=30), st.none() | st.text(max_size=300))
def test_any_text_can_be_asked_about(text: str, kind: str | None, trace: str | None) -> None:
    known = taught("RuntimeError: full")
    assert known.match(text, kind, trace) in (None, *known)
