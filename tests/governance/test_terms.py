"""What a rule sees of a change: numbers rounded outwards, kinds of values, names of targets."""

import math

import pytest

from grace.governance.change import Change
from grace.governance.request import about_change
from tests.proposing import NOON
from tests.ruling import LOW, a_policy, a_rule, asked


def holds(when: str, before=2, after=8, **differing) -> bool:
    """Whether a condition is true of a change."""
    ruling = asked(a_policy(a_rule("permit", when)), before, after, **differing)
    assert ruling.answer in ("permit", "ask"), ruling.reason
    return ruling.answer == "permit"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "absent"),
        (True, "truth"),
        (0, "number"),
        (0.5, "number"),
        ("", "text"),
        ([], "list"),
        ({}, "object"),
    ],
)
def test_every_value_has_a_kind(value, kind):
    assert holds(f'context.before.kind == "{kind}" && context.after.kind == "{kind}"', value, value)


@pytest.mark.parametrize(
    ("value", "floor", "ceiling", "low", "high"),
    [
        (3, 3, 3, "3.0", "3.0"),
        (0.1, 0, 1, "0.1", "0.1"),
        (-0.5, -1, 0, "-0.5", "-0.5"),
        (1000.00001, 1000, 1001, "1000.0", "1000.0001"),
        (-1000.00001, -1001, -1000, "-1000.0001", "-1000.0"),
        (1e-300, 0, 1, "0.0", "0.0001"),
        (2**63 - 1, 2**63 - 1, 2**63 - 1, "922337203685477.5807", "922337203685477.5807"),
        (2**63, 2**63 - 1, 2**63 - 1, "922337203685477.5807", "922337203685477.5807"),
        (-(2**70), 1 - 2**63, 1 - 2**63, "-922337203685477.5807", "-922337203685477.5807"),
        (1e308, 2**63 - 1, 2**63 - 1, "922337203685477.5807", "922337203685477.5807"),
    ],
)
def test_a_number_is_rounded_outwards_and_ends_with_its_type(value, floor, ceiling, low, high):
    """0.1 is a tenth and not the binary fraction beside it."""
    for name, expected in (("floor", floor), ("ceiling", ceiling)):
        assert holds(
            f"context.after has number && context.after.number.{name} == {expected}", after=value
        )
    for name, expected in (("low", low), ("high", high)):
        when = f'context.after has number && context.after.number.{name} == decimal("{expected}")'
        assert holds(when, after=value)


@pytest.mark.parametrize(
    ("before", "after", "times"),
    [
        (2, 8, "4.0"),
        (3, 10, "3.3334"),
        (8, 2, "0.25"),
        (0.1, 0.3, "3.0"),
        (-2, 8, "4.0"),
        (2, -8, "4.0"),
        (0, 0, "1.0"),
        (0, 1, "922337203685477.5807"),
        (5e-324, 1e308, "922337203685477.5807"),
    ],
)
def test_a_step_is_how_many_times_larger_rounded_up(before, after, times):
    """Signs aside; from nothing to something is the largest step there is."""
    assert holds(f'context has times && context.times == decimal("{times}")', before, after)


@pytest.mark.parametrize(("before", "after"), [(None, 1), (1, None), (True, 2), ("1", 2)])
def test_without_two_numbers_there_is_no_step(before, after):
    assert not holds("context has times", before, after)


def test_text_is_matched_by_patterns():
    """Case matters, and the whole text must match; a number has no text."""
    like = 'context.after has text && context.after.text like "{}"'
    assert holds(like.format("pro*-?"), after="pro-x-?")
    assert not holds(like.format("PRO*"), after="pro-x")
    assert not holds(like.format("pro"), after="pro-x")
    assert not holds(like.format("*"), after=8)


def test_every_value_is_there_as_json():
    """Compact and with sorted keys, so that a rule can look into lists and objects."""
    value = {"retries": 3, "fix": "retry", "of": ["é", None]}
    expected = '{\\"fix\\":\\"retry\\",\\"of\\":[\\"é\\",null],\\"retries\\":3}'
    assert holds(f'context.after.json == "{expected}"', after=value)
    assert holds('context.after.json like "*\\"retries\\":3*"', after=value)


@pytest.mark.parametrize(
    ("target", "kind", "name"),
    [
        ("tag:production-api", "tag", "production-api"),
        ("deployment:flow/name", "deployment", "flow/name"),
        ("run-deployment:flow/name", "run-deployment", "flow/name"),
        ("pattern:p1-ab:c", "pattern", "p1-ab:c"),
        ("pages", "", "pages"),
        (":x", "", "x"),
        ("tag:", "tag", ""),
        ('tag:a"b', "tag", 'a\\"b'),
        ("tag:line\nbreak\0", "tag", "line\\nbreak\\0"),
        ("tag:日本 \U0001f600", "tag", "日本 \U0001f600"),
    ],
)
def test_a_target_has_a_kind_and_a_name(target, kind, name):
    """The kind ends at the first colon; names may hold anything that is text."""
    when = f'resource.kind == "{kind}" && resource.name == "{name}"'
    assert holds(when, target=target)
    assert holds(f'resource == Target::"{kind}:{name}"', target=target) == (":" in target)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_forbidden(value):
    """Even one that came around the check of the change itself."""
    change = Change(lever="file", target="pages", before=2, after=8)
    odd = change.model_copy(update={"after": value})
    request = about_change(odd, "change", NOON, kind="by_hand", risk=LOW)
    ruling = a_policy(a_rule("permit")).rule(request)
    assert ruling.answer == "forbid"
    assert ruling.reason.startswith("it cannot be put to the policy: ")


@pytest.mark.parametrize(
    "differing",
    [
        {"target": "tag:\ud800"},
        {"after": "\udfff"},
        {"after": {"a": ["\ud800"]}},
        {"lever": "\ud800"},
        {"person": "\ud800"},
        {"kind": "\ud800"},
    ],
)
def test_what_no_text_can_hold_is_forbidden_in_words_that_can_be_stored(differing):
    """Half of a surrogate pair, wherever it stands: no rule sees it, and none permits it."""
    ruling = asked(a_policy(a_rule("permit")), **differing)
    assert (ruling.answer, ruling.rules) == ("forbid", ())
    assert ruling.reason.encode().startswith(b"it cannot be put to the policy: ")
