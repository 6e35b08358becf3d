"""Who counts in an experiment, what the arms say, and what ends it."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import ttest_ind

from grace import assign
from grace.measurement.arms import PATIENCE, ArmsLook, compare, seconds_left
from grace.measurement.blocks import Unit
from grace.measurement.plan import Experiment, Guardrail, Plan, guardrail
from grace.statistics.arms import Sums
from tests.proposing import NOON, a_plan

DAY = 86_400.0


def arms_plan(name: str = "e", share: float = 0.5, **differing: object) -> Plan:
    """Shares of failing runs, 5 points matter, hourly looks for at most 30 days."""
    given = {"share": share, "look_seconds": 3600, "longest_seconds": 30 * DAY}
    own = {
        name: differing.pop(name) for name in ("guardrails", "settle_seconds") if name in differing
    }
    experiment = Experiment.model_validate({"id": name} | given | own)
    fixed = {
        "design": "arms",
        "metric": "share of runs that fail",
        "subject": "sync",
        "smallest_effect": 0.05,
        "block_seconds": 0.0,
        "order": (),
        "experiment": experiment,
    }
    return a_plan(**(fixed | differing))


def unit(number: int, value: float, seconds: float = 10.0, every: float = 60.0) -> Unit:
    """One a minute from noon on."""
    queued = NOON + timedelta(seconds=every * number)
    return Unit(queued, queued + timedelta(seconds=seconds), value, f"run-{number}", seconds, value)


def units(n: int, value_of, plan: Plan, **differing: float) -> list[Unit]:
    """`value_of` is given the arm and the number."""
    share = plan.trial.share
    arms = [assign(plan.trial.id, f"run-{number}", share=share) for number in range(n)]
    return [unit(number, value_of(arm, number), **differing) for number, arm in enumerate(arms)]


def look(plan: Plan, found: list[Unit], hours: float, begun: datetime = NOON) -> ArmsLook:
    return compare(plan, found, begun, NOON + timedelta(hours=hours), 1)


def helps(arm: str, number: int) -> float:
    return 0.0 if arm == "after" else float(number % 2)


def nothing(arm: str, number: int) -> float:
    return float(number % 2)


def test_a_change_that_helps_one_arm_is_seen() -> None:
    plan = arms_plan()
    seen = look(plan, units(240, helps, plan), 4)
    assert (seen.verdict, seen.stop) == ("improved", None)
    assert seen.judgement.effect == pytest.approx(-0.5, abs=0.1)
    assert seen.control.n + seen.treatment.n == 240


def test_the_direction_was_fixed_beforehand() -> None:
    plan = arms_plan(better="higher")
    assert look(plan, units(240, helps, plan), 4).verdict == "regressed"


def test_units_of_before_the_start_and_of_while_it_settled_do_not_count() -> None:
    """Nor those without an id, which nobody could have assigned."""
    plan = arms_plan(settle_seconds=600.0)
    found = units(60, nothing, plan)
    seen = look(plan, found, 1, begun=NOON + timedelta(minutes=20))
    assert seen.control.n + seen.treatment.n == 30
    assert look(plan, [replace(each, id=None) for each in found], 1).control.n == 0


def test_a_look_ends_before_the_first_unit_that_is_under_way() -> None:
    """Else the arm whose runs take longer would lack its long ones; the naive count shows it.

    No effect on the value, but runs after that fail take an hour, all others ten seconds.
    """
    plan = arms_plan()
    slow = [
        replace(each, completed=each.queued + timedelta(hours=1))
        if assign("e", each.id) == "after" and each.value
        else each
        for each in units(60, nothing, plan)
    ]
    at = NOON + timedelta(hours=1)
    ended = [each for each in slow if each.completed <= at]
    naive = compare(plan, ended, NOON, at, 1)
    assert naive.judgement.effect < -0.4
    first = next(number for number, each in enumerate(slow) if each.completed > at)
    seen = look(plan, slow, 1)
    assert seen.control.n + seen.treatment.n == first < 10


def test_a_unit_that_never_ends_holds_nobody_up_for_ever() -> None:
    plan = arms_plan()
    found = units(120, nothing, plan)
    found[3] = replace(found[3], completed=None)
    held = look(plan, found, 2)
    assert held.control.n + held.treatment.n == 3
    later = look(plan, found, 2 + PATIENCE.total_seconds() / 3600)
    assert later.control.n + later.treatment.n == 119
    assert sum(later.lost) == 1


def test_arms_that_lack_runs_end_it_without_a_verdict_on_the_metric() -> None:
    """Half of the control's runs are never logged: that it looks better so proves nothing."""
    plan = arms_plan()
    every = units(600, helps, plan)
    kept = [e for n, e in enumerate(every) if n % 2 or assign("e", e.id) == "after"]
    seen = look(plan, kept, 10)
    assert seen.judgement.verdict == "improved"
    assert seen.verdict == "insufficient_data"
    assert "runs are lost, or were not assigned so" in seen.stop
    assert look(plan, every, 10).verdict == "improved"


def test_another_share_is_held_against_that_share() -> None:
    plan = arms_plan(share=0.3)
    seen = look(plan, units(600, nothing, plan), 10)
    assert seen.treatment.n == pytest.approx(180, abs=40)
    assert seen.stop is None


@pytest.mark.parametrize("share", [0.29, 0.71, 0.1, 1.0])
def test_lopsided_arms_are_refused(share) -> None:
    """No rate of error is promised for them (docs/performance.md)."""
    with pytest.raises(ValidationError, match="share"):
        arms_plan(share=share)


def test_a_run_without_a_value_is_in_its_arm_and_says_nothing() -> None:
    """Half of all runs came to no value, in both arms: the arms still have their share."""
    plan = arms_plan()
    found = [
        replace(each, value=math.nan) if number % 2 else each
        for number, each in enumerate(units(400, nothing, plan))
    ]
    seen = look(plan, found, 7)
    assert seen.control.n + seen.treatment.n == 200
    assert seen.stop is None


def test_the_hard_limit_ends_what_the_evidence_takes_too_long_for() -> None:
    """After 2,000 good runs ten bad ones in a row prove nothing yet, and are enough."""
    share = {"of": "failure share", "bound": 0.2}
    bounded, limited = (
        arms_plan(guardrails=(Guardrail.model_validate(share | more),), better="higher")
        for more in ({}, {"hard_limit": 0.6})
    )
    calm = units(2000, lambda arm, number: 0.5, bounded, every=6.0)
    found = [replace(each, failed=0.0) for each in calm]
    treated = [n for n, each in enumerate(found) if assign("e", each.id) == "after"][-11:]
    for number in treated:
        found[number] = replace(found[number], failed=1.0)
    assert look(bounded, found, 5).stop is None
    assert look(limited, found, 5).stop == "the failure share of the treated runs passed 20.0 %"
    found[treated[5]] = replace(found[treated[5]], failed=0.0)
    assert look(limited, found, 5).stop is not None


def test_one_bad_run_at_night_trips_no_guardrail() -> None:
    """It took a day, or failed, alone among few good ones."""
    bad = {"seconds": 86_400.0, "failed": 1.0}
    for of, bound in (("execution time", 120.0), ("failure share", 0.2)):
        plan = arms_plan(guardrails=(guardrail(of, bound),))
        found = [replace(each, failed=0.0) for each in units(40, nothing, plan)]
        night = next(n for n, each in enumerate(found) if assign("e", each.id) == "after")
        found[night] = replace(found[night], **bad)
        assert look(plan, found, 2).stop is None
        every = [replace(each, **bad) for each in found]
        assert "passed" in look(plan, every, 2).stop


def test_a_guardrail_ends_it_whatever_the_metric_says() -> None:
    """Treated runs take five times the bound; the control's may take as long as they like."""
    plan = arms_plan(guardrails=(Guardrail(of="execution time", bound=20.0),))
    slow = [
        replace(each, seconds=100.0 if assign("e", each.id) == "after" else 10.0)
        for each in units(100, helps, plan)
    ]
    seen = look(plan, slow, 2)
    assert (seen.verdict, seen.stop) == (
        "regressed",
        "the execution time of the treated runs passed 20.0 s",
    )
    other = [replace(e, seconds=110.0 - e.seconds) for e in slow]
    assert look(plan, other, 2).stop is None
    fails = arms_plan(guardrails=(Guardrail(of="failure share", bound=0.1),), better="higher")
    assert look(fails, units(100, nothing, fails), 2).verdict == "regressed"


def test_the_longest_duration_ends_it() -> None:
    plan = arms_plan(smallest_effect=0.001)
    found = units(60, nothing, plan)
    assert look(plan, found, 29 * 24).verdict is None
    assert look(plan, found, 30 * 24).verdict == "insufficient_data"


def test_arms_that_do_the_same_end_without_a_wrong_verdict() -> None:
    """Null: both arms fail in 20 % of runs; 40 experiments of 480 runs, looked at every 20 runs.

    At 5 % an experiment at most 6 of 40 are wrong (P = 1.4 % at exactly 5 %; seed 11). A t-test
    at each look, which is not made for looking, is wrong in far more.
    """
    rng = np.random.default_rng(11)
    wrong = naive = 0
    for number in range(40):
        plan = arms_plan(f"same-{number}")
        values = (rng.random(480) < 0.2).astype(float)
        found = units(480, lambda arm, n, values=values: values[n], plan)
        looks = [compare(plan, found, NOON, unit(n, 0).queued, 1) for n in range(20, 481, 20)]
        wrong += any(seen.verdict in ("improved", "regressed") for seen in looks)
        naive += any(_naive(plan, found[:n]) for n in range(60, 481, 20))
    assert wrong <= 6 < naive


def _naive(plan: Plan, found: list[Unit]) -> bool:
    arms = {"before": [], "after": []}
    for each in found:
        arms[assign(plan.trial.id, each.id)].append(each.value)
    return bool(ttest_ind(arms["before"], arms["after"]).pvalue < 0.05)


def test_the_time_to_a_verdict_is_that_of_more_of_the_same() -> None:
    """Shorter where the arms differ more; none to be foreseen without units."""
    plan = arms_plan()
    near, far = (
        seconds_left(plan, Sums(40, 0.5, 10.0), Sums(40, mean, 10.0), 3600.0)
        for mean in (0.35, 0.45)
    )
    assert 3600 < near < far
    assert seconds_left(plan, Sums(400, 0.5, 100.0), Sums(400, 0.1, 36.0), 3600.0) == 0
    assert seconds_left(plan, Sums(0, 0, 0), Sums(0, 0, 0), 3600.0) is None
