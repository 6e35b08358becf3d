"""A proposal is drawn up whole: risk, plan, deadline and what makes it last, fixed at once."""

import json
from datetime import timedelta
from typing import Literal

import numpy as np
import pytest
import yaml
from pydantic import JsonValue

from grace.governance.change import Change
from grace.governance.governing import Measuring
from grace.governance.policy import Policy
from grace.governance.proposal import content_text
from grace.governance.risk import Track
from grace.opportunities.drawing import Case, draw_up
from tests.proposing import NOON, a_proposal

POLICY = Policy(reviewers=("ann",), digest="d" * 64, measuring=Measuring(pairs=10))


class Lever:
    name = "concurrency-limit"
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    def read(self, target: str) -> JsonValue:
        raise AssertionError("drawing up reads nothing")

    check = apply = read


def drawn(target="tag:pages", after=8, mean=5.0, gap_seconds=40.0, seed=1):
    like = a_proposal()
    case = Case(
        kind="by_hand",
        title="Set it",
        why="because",
        proposed_by="carl",
        change=Change(lever="concurrency-limit", target=target, before=2, after=after),
        evidence=like.evidence.model_copy(update={"mean": mean}),
        prediction=like.prediction,
        subject=target,
        floor_seconds=0.3,
        gap_seconds=gap_seconds,
    )
    return draw_up(
        case,
        lever=Lever(),
        policy=POLICY,
        track=Track(ended=0, undone=0),
        log="main",
        now=NOON,
        rng=np.random.default_rng(seed),
    )


def test_the_plan_is_fixed_with_the_proposal():
    """Pairs, floor, smallest effect and block length come from what was seen and the policy."""
    plan = drawn().plan
    assert (len(plan.order), plan.floor_seconds, plan.block_seconds) == (10, 0.3, 80.0)
    assert plan.smallest_effect == pytest.approx(0.5)
    assert drawn(gap_seconds=3.0).plan.block_seconds == POLICY.measuring.least_block_seconds


def test_the_order_is_a_draw_and_part_of_what_is_hashed():
    """The same seed draws the same order, another one another; both arms stand in each pair."""
    proposals = [drawn(seed=seed) for seed in (1, 1, 2)]
    first, same, other = (each.plan.order for each in proposals)
    assert first == same != other
    assert all(sorted(pair) == ["after", "before"] for pair in first)
    for each in proposals:
        hashed = json.loads(content_text(each))
        assert hashed["plan"]["order"] == [list(pair) for pair in each.plan.order]


def test_without_data_nothing_is_promised():
    """No time to a verdict where no runs come, and a smallest effect that needs no mean."""
    blind = drawn(mean=None, gap_seconds=None)
    assert blind.seconds_to_verdict is None
    assert blind.plan.smallest_effect == 0.5


def test_the_earliest_verdict_is_seven_pairs_away():
    """Fourteen blocks of the plan's length."""
    assert drawn().seconds_to_verdict == 14 * 80.0
    assert drawn().deadline == NOON + timedelta(hours=72)


def test_a_deployments_limit_carries_the_patch_that_makes_it_last():
    """YAML that names the deployment and its new limit; other limits stand in no file."""
    patch = drawn(target="deployment:refresh/nightly", after=3).prefect_yaml_patch
    assert yaml.safe_load(patch) == {"deployments": [{"name": "nightly", "concurrency_limit": 3}]}
    assert drawn().prefect_yaml_patch is None
    assert drawn(target="global:pages").prefect_yaml_patch is None
