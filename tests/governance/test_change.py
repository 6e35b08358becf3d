"""One exact change: its inverse, its difference, and the values it cannot hold."""

import math

import pytest
from pydantic import ValidationError

from grace.governance.change import Change


def change(before, after) -> Change:
    return Change(lever="concurrency-limit", target="tag:pages", before=before, after=after)


@pytest.mark.parametrize("after", [8, None, True, "8", [1, 2], {"a": None}])
def test_the_inverse_leads_back(after):
    """Only before and after change places, and the inverse of the inverse is the change."""
    there = change(2, after)
    assert there.inverse == change(after, 2)
    assert there.inverse.inverse == there


def test_the_difference_has_one_line_out_and_one_in():
    assert change(2, 8).diff == "--- tag:pages\n+++ tag:pages\n- 2\n+ 8"


def test_of_objects_only_what_differs_is_shown():
    """Key by key: what goes, what comes, what changes; the rest of a schedule stays unsaid."""
    before = {"cron": "0 6 * * *", "active": True, "zone": "UTC"}
    after = {"interval": 600, "active": False, "zone": "UTC"}
    assert change(before, after).diff.splitlines()[2:] == [
        '- "active": true',
        '+ "active": false',
        '- "cron": "0 6 * * *"',
        '+ "interval": 600',
    ]
    assert change({"a": None}, {}).diff.splitlines()[2:] == ['- "a": null']


def test_a_line_break_in_a_key_cannot_forge_a_line():
    assert change({}, {"a\n+ b": "c\nd"}).diff.splitlines()[2:] == ['+ "a\\n+ b": "c\\nd"']


def test_an_object_that_comes_or_goes_has_a_line_for_each_key():
    """As one line, all of a rule but its beginning would lie beyond the edge of Prefect's form."""
    rule = {"fix": "retry", "retries": 2}
    shown = ['"fix": "retry"', '"retries": 2']
    assert change(None, rule).diff.splitlines()[2:] == ["- nothing", *(f"+ {one}" for one in shown)]
    assert change(rule, None).diff.splitlines()[2:] == [*(f"- {one}" for one in shown), "+ nothing"]
    assert change(None, {}).diff.splitlines()[2:] == ["- nothing", "+ {}"]


def test_absence_is_told_in_words():
    """None is no value: the inverse of *add a limit* shows as *nothing*."""
    assert change(None, 8).diff.splitlines()[2:] == ["- nothing", "+ 8"]


def test_a_text_and_a_number_look_different():
    """The approver sees that "8" is not 8."""
    assert change(8, "8").diff.splitlines()[2:] == ["- 8", '+ "8"']


def test_a_line_break_in_a_value_cannot_forge_a_line():
    """A value cannot show an approver a change that will not be made."""
    assert change("a", "b\n- a\n+ harmless").diff.count("\n") == 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [1.0, math.nan], {"a": math.inf}])
@pytest.mark.parametrize("place", ["before", "after"])
def test_values_that_json_cannot_hold_are_refused(place, value):
    """NaN and infinity, however deep: they would be hashed as one thing and set as another."""
    values = {"before": 1, "after": 2} | {place: value}
    with pytest.raises(ValidationError, match="NaN and infinity"):
        change(**values)


def test_a_change_cannot_be_edited():
    with pytest.raises(ValidationError, match="frozen"):
        change(2, 8).after = 9
