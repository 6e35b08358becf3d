"""The documentation of the policy is tested: its examples are sound, and what it names is there."""

import re
from pathlib import Path
from typing import get_args

import pytest

from grace.governance.earned import permit_in, with_permit
from grace.governance.policy import DEFAULT_POLICY
from grace.governance.reading import SCHEMA
from grace.governance.request import Action
from grace.settings import PROJECT
from tests.ruling import asked, rules_of

PAGE = (PROJECT / "docs" / "policy.md").read_text()
EXAMPLES = re.findall(r"```cedar\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_sound(example):
    assert len(rules_of(example).stated) == example.count("@reason")


def test_there_are_examples_of_both_effects():
    effects = [rule.effect for rule in rules_of(*EXAMPLES).stated]
    assert (effects.count("forbid"), effects.count("permit")) == (7, 2)


@pytest.mark.parametrize(
    ("before", "after", "answer"),
    [(0.6, 0.9, "ask"), (0.6, 0.951, "forbid"), (0.6, 0.49, "forbid"), (0.6, "0.7", "forbid")],
)
def test_the_example_of_a_threshold_does_what_it_says(before, after, answer):
    (rule,) = (example for example in EXAMPLES if "variable:threshold" in example)
    how = {"target": "variable:threshold", "lever": "prefect-variable"}
    assert asked(rules_of(rule), before, after, **how).answer == answer


def test_the_example_of_an_earned_permit_is_what_is_written():
    """Read as Grace's own, and taken away without a trace."""
    (rule,) = (example for example in EXAMPLES if "@value" in example)
    value = permit_in(Path("earned.cedar"), rule, "restart_service")
    assert value["systems"] == ["ops-agent"]
    assert with_permit(Path("earned.cedar"), "", "restart_service", value) == rule


def test_every_attribute_and_action_is_explained():
    """What the schema gives to rules stands on the page."""
    schema = re.sub(r"//.*", "", SCHEMA.read_text())
    names = set(re.findall(r"(\w+)\??\s*:\s*[\[\w]", schema)) - {"principal", "resource", "context"}
    actions = set(re.findall(r"\w+", " ".join(re.findall(r"action ([\w, ]+) appliesTo", schema))))
    assert len(names) > 20
    assert actions == set(get_args(Action))
    assert [
        name
        for name in sorted(names | actions)
        if f"`{name}`" not in PAGE and f"resource.{name}`" not in PAGE
    ] == []


def test_the_page_names_files_that_are_there():
    for link in re.findall(r"\]\(([\w./]+?)(?:#[\w-]+)?\)", PAGE):
        assert Path(PROJECT / "docs" / link).is_file(), link
    assert DEFAULT_POLICY.name in PAGE
