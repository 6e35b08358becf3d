"""How a change will be measured: the design, and all that is fixed about it before the start."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from grace.governance.policy import Policy
from grace.levers import Lever, UnitLever, goes_to_and_fro, is_reversible
from grace.measurement.arms import seconds_left
from grace.measurement.days import FIRST_VERDICT
from grace.measurement.metrics import metric
from grace.measurement.plan import Days, Experiment, Guardrail, Plan, guardrail
from grace.statistics.arms import FEWEST, Sums
from grace.statistics.before_after import DAYS_BEFORE, FEWEST_DAYS
from grace.statistics.switchback import draw_order, fewest_pairs

if TYPE_CHECKING:
    from grace.opportunities.drawing import Case

__all__ = ["plan_of", "seconds_to_verdict"]

# arms side by side are looked at after so many units, and at least every hour
UNITS_A_LOOK = 20
LONGEST_LOOK = 3600.0
# what processes read of a target they believe for 5 seconds
SETTLE_SECONDS = 5.0
# treated runs that stay below this trip no guardrail, however short they were, or however few fail
UNMINDED_SECONDS = 120.0
UNMINDED_SHARE = 0.2
DAY = 86_400.0
BY_DAYS_LEVEL = 0.10


def plan_of(
    case: "Case", lever: Lever, policy: Policy, now: datetime, rng: np.random.Generator
) -> Plan:
    """Arms where lever and metric allow them, else a switchback, where the lever goes to and fro.

    Else days before and after, where there are days before; they come before a switchback too that
    could not be judged in time. The smallest effect is a share of the mean that was seen, or a
    floor where nothing was.
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
        on_no_effect=case.on_no_effect or measuring.on_no_effect,
    )
    if case.subject is None:
        return plan
    if case.flow_runs and lever.reach == "unit" and isinstance(lever, UnitLever):
        experiment = _experiment(case, policy, rng)
        own = {"design": "arms", "block_seconds": 0.0, "experiment": experiment}
        return plan.model_copy(update=own)
    to_and_fro = {
        "design": "switchback",
        "order": draw_order(measuring.pairs, rng),
        "guardrails": _guardrails(case, policy),
    }
    switchback = plan.model_copy(update=to_and_fro)
    hindrance = _hindrance(case, lever, switchback, policy)
    if hindrance is None:
        return switchback
    by_days = _by_days(case, plan, hindrance, policy, now)
    if by_days.design == "unmeasured" and _is_possible(case, lever):
        return switchback
    return by_days


def _is_possible(case: "Case", lever: Lever) -> bool:
    return is_reversible(lever, case.change.target) and goes_to_and_fro(lever)


def _hindrance(case: "Case", lever: Lever, switchback: Plan, policy: Policy) -> str | None:
    """Why not to move the target to and fro."""
    if not is_reversible(lever, case.change.target):
        return f"{lever.name} has no way back"
    if not goes_to_and_fro(lever):
        return f"{lever.name} cannot be moved to and fro"
    days = (seconds_to_verdict(case, switchback) or 0.0) / DAY
    if days > policy.measuring.longest_days:
        return f"to and fro the first verdict could not come before {days:.0f} days"
    return None


def _by_days(case: "Case", plan: Plan, hindrance: str, policy: Policy, now: datetime) -> Plan:
    """Before/after, or unmeasured where there is not enough before."""
    ends = min(case.evidence.span[0], now) if case.evidence.span else now
    days = Days(
        baseline_from=ends - timedelta(days=DAYS_BEFORE),
        with_data=0,
        look_seconds=min(max(case.gap_seconds or DAY, LONGEST_LOOK), DAY),
        guardrails=_guardrails(case, policy),
    )
    own = {"design": "before_after", "block_seconds": 0.0, "level": BY_DAYS_LEVEL}
    drawn = plan.model_copy(update={**own, "days": days, "why": hindrance})
    found = case.days_with_data(drawn) if case.days_with_data else 0
    if found < FEWEST_DAYS:
        lacking = (
            f"only {found} of the {DAYS_BEFORE} days before have data"
            if found
            else (f"no quiet days with data lie before, of the {DAYS_BEFORE} that it takes")
        )
        return plan.model_copy(update={"why": f"{hindrance}, and {lacking}"})
    return drawn.model_copy(update={"days": days.model_copy(update={"with_data": found})})


def seconds_to_verdict(case: "Case", plan: Plan) -> float | None:
    """The earliest verdict; None where no runs come, so that the change cannot be judged."""
    if case.gap_seconds is None or plan.design == "unmeasured":
        return None
    if plan.design == "arms":
        return _seconds_of_arms(case, plan)
    if plan.design == "before_after":
        return FIRST_VERDICT.total_seconds()
    return 2 * fewest_pairs(plan.level) * plan.block_seconds


def _block_seconds(case: "Case", policy: Policy) -> float:
    """Long enough for a unit to be queued and to end in each block, as a rule.

    What runs at the switch has to end first, and the last one of a block within it.
    """
    units = case.units_a_block * (case.gap_seconds or 0.0) + 2 * (case.usual_seconds or 0.0)
    return max(policy.measuring.least_block_seconds, units)


def _experiment(case: "Case", policy: Policy, rng: np.random.Generator) -> Experiment:
    """Its id is drawn, so that units fall otherwise than in any experiment before."""
    measuring = policy.measuring
    enough = UNITS_A_LOOK * (case.gap_seconds or 0.0)
    return Experiment(
        id=f"{case.change.target}#{rng.bytes(6).hex()}",
        look_seconds=max(measuring.least_block_seconds, min(enough, LONGEST_LOOK)),
        longest_seconds=measuring.longest_days * DAY,
        settle_seconds=SETTLE_SECONDS,
        guardrails=_guardrails(case, policy),
    )


def _guardrails(case: "Case", policy: Policy) -> tuple[Guardrail, ...]:
    """Some times what was usual, and never what nobody minds."""
    factor, found = policy.measuring.guardrail_factor, []
    if seconds := case.usual_seconds or case.guarded_seconds:
        bound = max(factor * seconds, UNMINDED_SECONDS)
        found.append(guardrail("execution time", bound))
    if case.usual_failures is not None:
        share = max(factor * case.usual_failures, UNMINDED_SHARE)
        found.append(guardrail("failure share", min(share, (1 + case.usual_failures) / 2)))
    return tuple(found)


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
