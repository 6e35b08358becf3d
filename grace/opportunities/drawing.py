"""Drawing a proposal up: the same way for the engine's own and for those made by hand."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.proposal import Evidence, Prediction, Proposal
from grace.governance.risk import Track, assess
from grace.levers import Lever
from grace.measurement.metrics import metric
from grace.measurement.plan import Plan
from grace.statistics.switchback import draw_order, fewest_pairs
from grace.store.ids import uuid7

__all__ = ["Case", "Kind", "draw_up"]

Kind = Literal[
    "reduce_wait_time",
    "fix_recurring_error",
    "enhance_healing",
    "improve_ml_confidence",
    "improve_execution",
    "by_hand",
]


@dataclass(frozen=True)
class Case:
    """What speaks for a change; `gap_seconds` is the usual time from one unit to the next.

    `floor_seconds` is the wait that no limit lowers. Both are None where nothing was seen yet.
    `units_a_block` is how many units a block of the measurement must hold to tell anything.
    `subject` is of what the metric is taken, as in the plan; None where nothing measures it.
    """

    kind: Kind
    title: str
    why: str
    proposed_by: str
    change: Change
    evidence: Evidence
    prediction: Prediction
    subject: str | None
    floor_seconds: float | None
    gap_seconds: float | None
    units_a_block: int = 2


def draw_up(
    case: Case,
    *,
    lever: Lever,
    policy: Policy,
    track: Track,
    log: str,
    now: datetime,
    rng: np.random.Generator,
) -> Proposal:
    """The proposal with its risk, its measurement plan and its deadline, all fixed."""
    plan = _plan(case, lever, policy, rng)
    return Proposal(
        proposal_id=uuid7(now),
        kind=case.kind,
        title=case.title,
        why=case.why,
        log=log,
        proposed_by=case.proposed_by,
        created_at=now,
        deadline=now + policy.deadline,
        change=case.change,
        evidence=case.evidence,
        prediction=case.prediction,
        risk=assess(
            policy.risk,
            reversible=lever.reversible,
            reach=lever.reach,
            e_value=case.evidence.e_value,
            track=track,
        ),
        plan=plan,
        policy_digest=policy.digest,
        seconds_to_verdict=_seconds_to_verdict(case, plan),
        prefect_yaml_patch=_prefect_yaml_patch(case.change),
    )


def _plan(case: Case, lever: Lever, policy: Policy, rng: np.random.Generator) -> Plan:
    """Blocks long enough for a unit to be queued and to end in each, as a rule.

    The smallest effect is a share of the mean that was seen, or a floor where nothing was.
    """
    measuring, mean = policy.measuring, case.evidence.mean
    measured = metric(case.prediction.metric)
    is_moved = lever.reversible and case.subject is not None
    return Plan(
        design="switchback" if is_moved else "unmeasured",
        metric=measured.name,
        better=measured.better,
        subject=case.subject or case.change.target,
        floor_seconds=case.floor_seconds or 0.0,
        smallest_effect=measured.smallest_effect(measuring.effect_share, mean),
        block_seconds=max(
            measuring.least_block_seconds, case.units_a_block * (case.gap_seconds or 0.0)
        ),
        order=draw_order(measuring.pairs, rng) if is_moved else (),
        on_no_effect=measuring.on_no_effect,
    )


def _seconds_to_verdict(case: Case, plan: Plan) -> float | None:
    """The earliest verdict; None where no runs come, so that the change cannot be judged."""
    if case.gap_seconds is None or plan.design == "unmeasured":
        return None
    return 2 * fewest_pairs(plan.level) * plan.block_seconds


def _prefect_yaml_patch(change: Change) -> str | None:
    """What makes a deployment's limit last: the next deploy sets what its file declares.

    Tag and global limits stand in no file.
    """
    kind, _, name = change.target.partition(":")
    if kind != "deployment" or change.after is None:
        return None
    flow, _, deployment = name.partition("/")
    return (
        f"deployments:\n"
        f"  - name: {deployment}  # of the flow {flow}\n"
        f"    concurrency_limit: {change.after}\n"
    )
