"""What the policy answers to a change: forbid, permit or ask."""

import pytest

from grace.governance.change import Change
from grace.governance.policy import Bounds, Policy, Rule


def change(before=2, after=4, *, lever="concurrency-limit", target="tag:pages") -> Change:
    return Change(lever=lever, target=target, before=before, after=after)


def policy(**rules) -> Policy:
    return Policy(reviewers=("ann",), **rules)


def test_what_no_rule_names_is_asked():
    """The default is a person's decision, with the reason in words."""
    ruling = policy().rule(change())
    assert (ruling.answer, ruling.reason) == (
        "ask",
        "no rule permits it, so a person decides",
    )


def test_a_permit_permits_with_its_own_words():
    ruling = policy(permit=(Rule(target="tag:pages", reason="ours"),)).rule(change())
    assert (ruling.answer, ruling.reason) == ("permit", "ours")


def test_forbid_wins_over_permit():
    """However narrow the permit and however wide the forbid."""
    both = policy(
        forbid=(Rule(target="*", reason="freeze"),),
        permit=(Rule(lever="concurrency-limit", target="tag:pages", reason="ours"),),
    )
    ruling = both.rule(change())
    assert (ruling.answer, ruling.reason) == ("forbid", "freeze")


def test_bounds_win_over_permit():
    """A guardrail holds for permitted changes too."""
    ruling = policy(permit=(Rule(reason="all"),), bounds=Bounds(most=3)).rule(change())
    assert (ruling.answer, ruling.reason) == ("forbid", "4 is outside the bounds 1 to 3")


@pytest.mark.parametrize(
    ("pattern", "target", "named"),
    [
        ("tag:production-*", "tag:production-api", True),
        ("tag:production-*", "tag:test-api", False),
        ("tag:production-*", "TAG:PRODUCTION-API", False),
        ("tag:page?", "tag:pages", True),
        ("tag:[ab]", "tag:c", False),
    ],
)
def test_patterns_are_those_of_a_shell(pattern, target, named):
    """Case matters, and the whole name must match."""
    ruling = policy(forbid=(Rule(target=pattern, reason="theirs"),)).rule(change(target=target))
    assert ruling.answer == ("forbid" if named else "ask")


def test_every_pattern_of_a_rule_must_match():
    rule = Rule(lever="webhook", target="tag:pages", reason="both")
    assert policy(permit=(rule,)).rule(change()).answer == "ask"
    assert policy(permit=(rule,)).rule(change(lever="webhook")).answer == "permit"


def test_a_rule_for_changes_says_nothing_about_inverses():
    """And the other way round: a permit of undoing permits no change."""
    inverse = policy(permit=(Rule(purpose="inverse", reason="undo"),))
    assert inverse.rule(change(), "inverse").answer == "permit"
    assert inverse.rule(change()).answer == "ask"
    assert policy(permit=(Rule(reason="do"),)).rule(change(), "inverse").answer == "ask"


@pytest.mark.parametrize(
    ("after", "answer"),
    [(0, "forbid"), (1, "ask"), (10, "ask"), (11, "forbid"), (-5, "forbid"), (10.5, "forbid")],
)
def test_numbers_stay_within_the_bounds(after, answer):
    """Both ends are allowed."""
    bounded = policy(bounds=Bounds(least=1, most=10, step_factor=1000))
    assert bounded.rule(change(after=after)).answer == answer


@pytest.mark.parametrize(
    ("before", "after", "answer"),
    [(2, 8, "ask"), (2, 9, "forbid"), (8, 1, "ask"), (0, 1, "forbid"), (None, 500, "ask")],
)
def test_a_value_grows_by_the_step_factor_at_most(before, after, answer):
    """Four times at one step; shrinking and what had no number before are not growth."""
    assert policy().rule(change(before, after)).answer == answer


def test_undoing_is_not_held_to_the_bounds():
    """What was there before may come back even where the bounds were narrowed meanwhile."""
    narrow = policy(bounds=Bounds(most=3), permit=(Rule(purpose="inverse", reason="undo"),))
    assert narrow.rule(change(2, 900), "inverse").answer == "permit"


@pytest.mark.parametrize("after", [True, False, "4", [4], None])
def test_what_is_no_number_cannot_take_the_place_of_one(after):
    """True is no 1 within the bounds, and no limit at all is beyond every bound."""
    ruling = policy(permit=(Rule(reason="all"),)).rule(change(2, after))
    assert ruling.answer == "forbid"
    assert ruling.reason == f"2 to {after} takes a number out of its bounds"


def test_a_truth_value_is_no_number_to_grow_from():
    """From true to 4 is not four times 1: the bounds hold, the step factor says nothing."""
    assert policy(bounds=Bounds(step_factor=1)).rule(change(True, 4)).answer == "ask"
    assert policy(bounds=Bounds(most=3)).rule(change(True, 4)).answer == "forbid"


@pytest.mark.parametrize(("before", "after"), [(False, True), ("a", "b"), (None, True)])
def test_other_values_are_no_matter_of_bounds(before, after):
    """A switch or a text is asked for like anything else."""
    assert policy(bounds=Bounds(most=1)).rule(change(before, after)).answer == "ask"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_outside_of_every_bound(value):
    """Even one that came around the check of the change itself."""
    odd = change().model_copy(update={"after": value})
    assert policy(permit=(Rule(reason="all"),)).rule(odd).answer == "forbid"
