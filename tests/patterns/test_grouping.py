"""Errors as Prefect and Python tell them are grouped as a person would group them."""

import random

from benchmarks.mining import exceptions, grouping_accuracy, groups


def test_made_up_exceptions_are_grouped_right() -> None:
    """Thirty statements in five forms with values that vary: 600 lines, of which 95 % or more are
    in a group with exactly those that belong together. Whole texts as groups get almost none."""
    labelled = exceptions(random.Random(17), 600)
    labels = [label for _, label in labelled]
    assert grouping_accuracy(groups(text for text, _ in labelled), labels) >= 0.95
    assert grouping_accuracy([text for text, _ in labelled], labels) < 0.1


def test_the_measure_itself() -> None:
    """A group counts only where it holds all of its lines and no other."""
    assert grouping_accuracy([1, 1, 2, 2], ["a", "a", "b", "b"]) == 1.0
    assert grouping_accuracy([1, 1, 2, 3], ["a", "a", "b", "b"]) == 0.5
    assert grouping_accuracy([1, 1, 1, 1], ["a", "a", "b", "b"]) == 0.0
