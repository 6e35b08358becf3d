"""Drawing a proposal up: the same way for the engine's own and for those made by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.proposal import Evidence, Prediction, Proposal
from grace.governance.risk import Track, assess
from grace.levers import Lever, is_reversible
from grace.measurement.plan import Plan
from grace.opportunities.lasting import prefect_yaml_patch
from grace.opportunities.planning import plan_of, seconds_to_verdict
from grace.store.ids import uuid7

__all__ = ["Case", "Kind", "draw_up"]

Kind = Literal[
    "reduce_wait_time",
    "fix_recurring_error",
    "enhance_healing",
    "improve_ml_confidence",
    "improve_execution",
    "reduce_execution_time",
    "improve_task_success",
    "increase_activity",
    "retain_archives",
    "by_hand",
]


@dataclass(frozen=True)
class Case:
    """What speaks for a change; `gap_seconds` is the usual time from one unit to the next.

    `floor_seconds` is the wait that no limit lowers. Both are None where nothing was seen yet.
    `units_a_block` is how many units a block of the measurement must hold to tell anything.
    `subject` is of what the metric is taken, as in the plan; None where nothing measures it.
    `flow_runs` are the values of the flow runs that were seen, where the metric is one of flow runs
    that the lever can tell apart: those make arms side by side. They ran for `usual_seconds`, and
    `usual_failures` is the share of them that failed; `guarded_seconds` is how long they ran where
    the length of a block does not go by it. `days_with_data` tells, for a plan by days,
    on how many of its days before something was logged; None where nobody can tell.
    `on_no_effect` is said where the policy's answer does not fit.
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
    flow_runs: Sequence[float] = ()
    usual_seconds: float | None = None
    usual_failures: float | None = None
    guarded_seconds: float | None = None
    days_with_data: Callable[[Plan], int] | None = None
    on_no_effect: Literal["keep"] | None = None


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
    plan = plan_of(case, lever, policy, now, rng)
    risk = assess(
        policy.risk,
        reversible=is_reversible(lever, case.change.target),
        reach=lever.reach,
        e_value=case.evidence.e_value,
        track=track,
    )
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
        risk=risk,
        plan=plan,
        policy_digest=policy.digest,
        assurance_needed=policy.assurance.of(risk.tier),
        seconds_to_verdict=seconds_to_verdict(case, plan),
        prefect_yaml_patch=prefect_yaml_patch(case.change),
    )
