"""The same seed tells the same story, another seed another one of the same kind."""

from pathlib import Path

import pytest

from tests.demo.conftest import Demo, play

HOURS = 3


def story(demo: Demo) -> list[object]:
    """All that chance could have touched, without ids and salts."""
    seen = [told.entry.proposal for told in demo.found.proposals]
    return [
        demo.told,
        demo.found.days,
        [(each.title, each.evidence.mean, each.evidence.e_value, each.plan.order) for each in seen],
        [told.look.judgement if told.look else None for told in demo.found.proposals],
    ]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return play(tmp_path_factory.mktemp("first"), HOURS, seed=5)


def test_the_same_seed_tells_the_same_story(first: Demo, tmp_path: Path) -> None:
    again = play(tmp_path, HOURS, seed=5)
    assert story(again) == story(first)
    assert first.found.proposals
    assert any(told.look for told in first.found.proposals)


def test_another_seed_tells_another(first: Demo, tmp_path: Path) -> None:
    other = play(tmp_path, HOURS, seed=6)
    assert story(other)[2] != story(first)[2]
    assert {told.entry.proposal.change.target for told in other.found.proposals} >= {
        "tag:catalog-api",
        "tag:warehouse",
    }
