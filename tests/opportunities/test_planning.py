"""Which design a change is measured by, and all that is fixed of it with the proposal."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from grace.governance.change import Change
from grace.governance.governing import Measuring
from grace.governance.policy import Policy
from grace.governance.proposal import content_text
from grace.governance.risk import Track
from grace.measurement.plan import guardrail
from grace.opportunities.drawing import Case, draw_up
from tasks.levers.concurrency_limit import ConcurrencyLimit
from tasks.levers.pattern_rule import PatternRule
from tests.proposing import NOON, a_proposal

POLICY = Policy(reviewers=("ann",), digest="d" * 64, measuring=Measuring(guardrail_factor=4))
RULE = {"fix": "retry", "retries": 2, "description": ""}
METRIC = "share of runs that fail so"


def case(**differing: object) -> Case:
    """An error that a third of the runs of each flow run end with, in 60 flow runs."""
    like = a_proposal()
    seen = like.evidence.model_copy(update={"metric": METRIC, "mean": 0.3, "n": 60})
    said = like.prediction.model_copy(update={"metric": METRIC, "now": 0.3, "then": 0.03})
    made = Case(
        kind="fix_recurring_error",
        title="Retry fetch",
        why="because",
        proposed_by="grace",
        change=Change(lever="pattern-rule", target="pattern:p1-a", before=None, after=RULE),
        evidence=seen,
        prediction=said,
        subject="p1-a@fetch",
        floor_seconds=None,
        gap_seconds=120.0,
        flow_runs=(0.2, 0.4) * 30,
        usual_seconds=50.0,
    )
    return replace(made, **differing)


def drawn(made: Case, seed: int = 1, lever: object = None):
    return draw_up(
        made,
        lever=lever or PatternRule(),
        policy=POLICY,
        track=Track(ended=0, undone=0),
        log="main",
        now=NOON,
        rng=np.random.default_rng(seed),
    )


def test_a_rule_is_tried_on_half_of_the_flow_runs() -> None:
    """A look after twenty runs, 30 days at most, a guardrail at four times the usual length."""
    plan = drawn(case()).plan
    assert (plan.design, plan.order, plan.trial.share) == ("arms", (), 0.5)
    assert (plan.trial.look_seconds, plan.trial.longest_seconds) == (2400.0, 30 * 86_400.0)
    (found,) = plan.trial.guardrails
    assert found == guardrail("execution time", 200.0)
    assert found.hard_limit == 400.0
    assert plan.smallest_effect == pytest.approx(0.03)


def test_a_look_comes_once_an_hour_at_least_and_a_minute_at_most() -> None:
    assert drawn(case(gap_seconds=1.0)).plan.trial.look_seconds == 60
    assert drawn(case(gap_seconds=9000.0)).plan.trial.look_seconds == 3600


def test_short_runs_may_become_as_long_as_nobody_minds() -> None:
    assert drawn(case(usual_seconds=2.0)).plan.trial.guardrails[0].bound == 120.0
    assert drawn(case(usual_seconds=None)).plan.trial.guardrails == ()


def test_the_experiment_is_in_the_hash_and_another_each_time() -> None:
    """The same seed draws the same id, another one deals the runs anew."""
    first, same, other = (drawn(case(), seed).plan.trial.id for seed in (1, 1, 2))
    assert first == same != other
    assert first.startswith("pattern:p1-a#")
    assert first in content_text(drawn(case()))


def test_what_cannot_be_told_apart_goes_to_and_fro_as_before() -> None:
    """Values of no flow runs, or a lever that all runs feel; its content has no word of arms."""
    no_runs, shared = drawn(case(flow_runs=())), drawn(case(), lever=ConcurrencyLimit())
    for proposal in (no_runs, shared):
        assert (proposal.plan.design, len(proposal.plan.order)) == ("switchback", 30)
        assert '"experiment"' not in content_text(proposal)
    assert drawn(case(subject=None)).plan.design == "unmeasured"


def test_the_time_to_a_verdict_follows_from_what_was_seen_and_predicted() -> None:
    """At two minutes a run: longer the less is promised, and never below 30 runs an arm."""
    well, less = (
        drawn(case(prediction=case().prediction.model_copy(update={"then": then})))
        for then in (0.03, 0.25)
    )
    assert 60 * 120 <= well.seconds_to_verdict < less.seconds_to_verdict < 30 * 86_400
    assert drawn(case(gap_seconds=None)).seconds_to_verdict is None


DAILY = {"flow_runs": (), "days_with_data": lambda plan: 14}


def test_failures_are_guarded_where_their_share_is_known() -> None:
    """Four times the usual, at least a fifth, and never all of them."""
    for usual, bound, hard in ((0.0, 0.2, 0.6), (0.1, 0.4, 0.7), (0.5, 0.75, 0.875)):
        of_time, of_failures = drawn(case(usual_failures=usual)).plan.trial.guardrails
        assert of_time.of == "execution time"
        assert of_failures.of == "failure share"
        assert (of_failures.bound, of_failures.hard_limit) == pytest.approx((bound, hard))


def test_a_block_holds_what_has_to_end_in_it() -> None:
    """Two runs, two minutes apart, and twice the time that one takes."""
    plan = drawn(case(flow_runs=(), usual_seconds=50.0)).plan
    assert plan.block_seconds == 2 * 120 + 2 * 50


def test_days_come_last_and_say_why() -> None:
    """After arms, and after a switchback that could be judged within 30 days."""
    both = {"days_with_data": lambda plan: 14}
    assert drawn(case(**both)).plan.design == "arms"
    assert drawn(case(**DAILY)).plan.design == "switchback"
    slow = drawn(case(**DAILY, gap_seconds=100_000.0))
    plan = slow.plan
    assert (plan.design, plan.level, plan.order) == ("before_after", 0.1, ())
    assert plan.why == "to and fro the first verdict could not come before 32 days"
    assert slow.seconds_to_verdict == 7.25 * 86_400
    assert (plan.days.with_data, plan.days.look_seconds) == (14, 86_400)


def test_what_raised_the_proposal_is_no_part_of_the_baseline() -> None:
    """The 14 days end where the evidence begins; without evidence where the proposal is made."""
    begin = NOON - timedelta(hours=30)
    seen = case().evidence.model_copy(update={"span": (begin, NOON)})
    differing = {**DAILY, "gap_seconds": 100_000.0}
    days = drawn(case(**differing, evidence=seen)).plan.days
    assert (days.baseline_to, days.baseline_from) == (begin, begin - timedelta(days=14))
    none = seen.model_copy(update={"span": None})
    assert drawn(case(**differing, evidence=none)).plan.days.baseline_to == NOON


def test_without_days_before_a_slow_switchback_is_better_than_nothing() -> None:
    """And what has no way back is unmeasured, with the reason."""
    few = {"flow_runs": (), "gap_seconds": 100_000.0, "days_with_data": lambda plan: 9}
    assert drawn(case(**few)).plan.design == "switchback"
    plan = drawn(case(**few), lever=OneWay()).plan
    assert plan.design == "unmeasured"
    assert plan.why == "one-way has no way back, and only 9 of the 14 days before have data"
    assert drawn(case(**DAILY), lever=OneWay()).plan.design == "before_after"
    assert drawn(case(flow_runs=()), lever=OneWay()).plan.design == "unmeasured"


class OneWay:
    name = "one-way"
    reach = "shared"
    reversible = False
