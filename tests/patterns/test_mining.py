"""One miner, one configuration: what is alike comes together, and what is known stays known."""

import random

from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from benchmarks._exceptions import exceptions
from benchmarks.mining import grouping_accuracy, groups
from grace.patterns.errors import Error, parse
from grace.patterns.mining import Miner, Template


def again(miner: Miner) -> Miner:
    """The miner that goes on from what this one has learned."""
    return Miner(Template(each.group, each.issued, each.words) for each in miner)


def test_exceptions_that_python_really_raises_are_grouped_as_they_should_be() -> None:
    """Of 1500 failures of 70 statements, told in 7 ways from 3 places: the bar of the benchmark."""
    lines = list(exceptions(random.Random(3), 1500))
    accuracy = grouping_accuracy(groups(lines), [line.label for line in lines])
    assert len({line.label for line in lines}) > 200
    assert accuracy >= 0.95


def test_grouping_accuracy_counts_groups_that_are_wholly_right() -> None:
    """One line too many in a group makes all of its lines wrong, and those of the other group."""
    assert grouping_accuracy([1, 1, 2, 2], "aabb") == 1.0
    assert grouping_accuracy([1, 1, 2, 2], "aabc") == 0.5
    assert grouping_accuracy([1, 1, 1, 2], "aabb") == 0.0


def test_types_places_and_codes_are_told_apart_before_any_word() -> None:
    miner = Miner()
    said = "service said HTTP 503 to us again and again"
    errors = [
        Error("RuntimeError", said),
        Error("ValueError", said),
        Error(None, said),
        Error("RuntimeError", said, ("a.py:f",)),
        Error("RuntimeError", said, ("b.py:f",)),
        Error("RuntimeError", said.replace("503", "404")),
    ]
    assert len({id(miner.add(error)) for error in errors}) == len(errors)


def test_a_template_widens_where_most_words_agree() -> None:
    """Three of four; of two words that differ in one, none would be left to know them by."""
    miner = Miner()
    first = miner.add(Error("RuntimeError", "queue alpha is full"))
    assert miner.add(Error("RuntimeError", "queue beta is full")) is first
    assert first.words == ("queue", "<*>", "is", "full")
    assert first.issued == ("queue", "alpha", "is", "full")
    reset = miner.add(Error("RuntimeError", "connection reset"))
    assert miner.add(Error("RuntimeError", "connection refused")) is not reset


def test_a_wide_template_still_knows_what_it_has_learned() -> None:
    """By similarity alone two wildcards of five words would be too few words in common."""
    miner = Miner()
    lines = ["a b c d e", "a b x d e", "a y c d e", "a z q d e"]
    (template,) = {id(miner.add(parse(line))): miner.add(parse(line)) for line in lines}.values()
    assert template.words == ("a", "<*>", "<*>", "d", "e")
    assert [miner.add(parse(line)) for line in lines] == [template] * 4
    assert len(list(miner)) == 1


WORDS = st.lists(st.sampled_from(["a", "b", "c", "7", "'x'", "", "d1"]), max_size=5).map(" ".join)


@effort(max_examples=200)
@given(st.lists(WORDS, max_size=25), st.integers(0, 25))
def test_a_miner_that_goes_on_learns_the_same(lines: list[str], stop: int) -> None:
    """Stopped anywhere and begun again, it has the same templates in the same order."""
    through, first = Miner(), Miner()
    for line in lines:
        through.add(parse(line))
    for line in lines[:stop]:
        first.add(parse(line))
    second = again(first)
    for line in lines[stop:]:
        second.add(parse(line))
    assert list(second) == list(through)


@effort(max_examples=200)
@given(st.lists(WORDS, max_size=25))
def test_what_was_learned_is_not_learned_again(lines: list[str]) -> None:
    miner = Miner()
    for line in lines:
        miner.add(parse(line))
    known = [(each.issued, each.words) for each in miner]
    for line in lines:
        miner.add(parse(line))
    assert [(each.issued, each.words) for each in miner] == known
