"""How a change will be measured: the design, and all that is fixed about it before the start."""

from typing import TYPE_CHECKING

import numpy as np

from grace.governance.policy import Policy
from grace.levers import Lever, UnitLever, is_reversible
from grace.measurement.arms import seconds_left
from grace.measurement.metrics import metric
from grace.measurement.plan import Experiment, Guardrail, Plan
from grace.statistics.arms import FEWEST, Sums
from grace.statistics.switchback import draw_order, fewest_pairs

if TYPE_CHECKING:
    from grace.opportunities.drawing import Case

__all__ = ["plan_of", "seconds_to_verdict"]

# arms side by side are looked at after so many units, and at least every hour
UNITS_A_LOOK = 20
LONGEST_LOOK = 3600.0
# what processes read of a target they believe for 5 seconds
SETTLE_SECONDS = 5.0
# treated runs that stay below this trip no guardrail, however short they were
UNMINDED_SECONDS = 120.0
DAY = 86_400.0


def plan_of(case: "Case", lever: Lever, policy: Policy, rng: np.random.Generator) -> Plan:
    """Arms where lever and metric allow them, else a switchback, where there is a way back.

    The smallest effect is a share of the mean that was seen, or a floor where nothing was.
    """
    measured, measuring = metric(case.prediction.metric), policy.measuring
    plan = Plan(
        design="unmeasured",
        metric=measured.name,
        better=measured.better,
        subject=case.subject or case.change.target,
        floor_seconds=case.floor_seconds or 0.0,
        smallest_effect=measured.smallest_effect(measuring.effect_share, case.evidence.mean),
        block_seconds=_block_seconds(case, policy),
        on_no_effect=measuring.on_no_effect,
    )
    if case.subject is None or not is_reversible(lever, case.change.target):
        return plan
    if case.flow_runs and lever.reach == "unit" and isinstance(lever, UnitLever):
        experiment = _experiment(case, policy, rng)
        own = {"design": "arms", "block_seconds": 0.0, "experiment": experiment}
    else:
        own = {"design": "switchback", "order": draw_order(measuring.pairs, rng)}
    return plan.model_copy(update=own)


def seconds_to_verdict(case: "Case", plan: Plan) -> float | None:
    """The earliest verdict; None where no runs come, so that the change cannot be judged."""
    if case.gap_seconds is None or plan.design == "unmeasured":
        return None
    if plan.design == "arms":
        return _seconds_of_arms(case, plan)
    return 2 * fewest_pairs(plan.level) * plan.block_seconds


def _block_seconds(case: "Case", policy: Policy) -> float:
    """Long enough for a unit to be queued and to end in each block, as a rule."""
    return max(policy.measuring.least_block_seconds, case.units_a_block * (case.gap_seconds or 0.0))


def _experiment(case: "Case", policy: Policy, rng: np.random.Generator) -> Experiment:
    """Its id is drawn, so that units fall otherwise than in any experiment before."""
    measuring, usual = policy.measuring, case.usual_seconds
    enough = UNITS_A_LOOK * (case.gap_seconds or 0.0)
    guardrails: tuple[Guardrail, ...] = ()
    if usual:
        bound = max(measuring.guardrail_factor * usual, UNMINDED_SECONDS)
        guardrails = (Guardrail(of="execution time", bound=bound),)
    return Experiment(
        id=f"{case.change.target}#{rng.bytes(6).hex()}",
        look_seconds=max(measuring.least_block_seconds, min(enough, LONGEST_LOOK)),
        longest_seconds=measuring.longest_days * DAY,
        settle_seconds=SETTLE_SECONDS,
        guardrails=guardrails,
    )


def _seconds_of_arms(case: "Case", plan: Plan) -> float | None:
    """Should the treated units go as predicted, or, where nothing is, as well as can be."""
    seen, then = Sums.of(case.flow_runs), case.prediction.then
    best = 0.0 if plan.better == "lower" else 1.0
    spread = seen.m2 * FEWEST / seen.n
    control = Sums(FEWEST, seen.mean, spread)
    treatment = Sums(FEWEST, best if then is None else then, spread)
    begun = 2 * FEWEST * (case.gap_seconds or 0.0)
    left = seconds_left(plan, control, treatment, begun)
    return None if left is None else begun + left
