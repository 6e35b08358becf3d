"""The lever of pattern rules: a rule for all, and a rule on trial for some of the flow runs."""

import pytest

from grace import assign
from grace.errors import BadInput
from grace.governance.change import Change
from grace.patterns.library import Library
from grace.patterns.rules import Rule
from tasks.levers.pattern_rule import PatternRule
from tests.patterns.conftest import failing, learned  # noqa: F401 - fixtures

OLD, NEW = (Rule(fix="retry", retries=n).model_dump(mode="json") for n in (1, 3))
UNITS = [f"run-{number}" for number in range(20)]


@pytest.fixture
def target(failing, learned, store) -> str:  # noqa: F811
    failing.task("RuntimeError: full")
    learned()
    (pattern,) = Library.load(store)
    return f"pattern:{pattern.fingerprint}"


@pytest.mark.parametrize(("before", "after"), [(None, NEW), (OLD, NEW), (OLD, None)])
def test_on_trial_each_flow_run_has_the_rule_of_its_arm(store, target, before, after) -> None:
    """Set, read back as it was set, and the same as before for whoever does not say who asks."""
    lever = PatternRule(store)
    change = Change(lever=lever.name, target=target, before=before, after=after)
    value = lever.split(change, "e", 0.3)
    lever.apply(target, value)
    assert lever.read(target) == value
    rule, told = Rule.model_validate(value), {"before": before, "after": after}
    for unit in UNITS:
        found = rule.for_unit(unit)
        expected = told[assign("e", unit, share=0.3)]
        assert (found and found.model_dump(mode="json")) == expected
    assert {assign("e", unit, share=0.3) for unit in UNITS} == {"before", "after"}
    found = rule.for_unit(None)
    assert (found and found.model_dump(mode="json")) == before


def test_a_trial_is_not_proposed_by_hand(store, target) -> None:
    lever = PatternRule(store)
    change = Change(lever=lever.name, target=target, before=None, after=NEW)
    with pytest.raises(BadInput, match="propose it without a trial"):
        lever.check(target, lever.split(change, "e", 0.5))
    nothing = Change(lever=lever.name, target=target, before=None, after=None)
    with pytest.raises(BadInput, match="nothing to try"):
        lever.split(nothing, "e", 0.5)
