"""Looks at arms that run side by side: who counts, what the arms say, and what ends them.

Judged are the units in the order in which they queued, up to the first that is still under way:
were each counted as it ends, the arm whose units take longer would lack its long ones at every
look. A unit under way for more than `PATIENCE` holds nobody up any longer; it is counted apart.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.assignment import Arm, assign
from grace.measurement.blocks import Unit
from grace.measurement.metrics import metric
from grace.measurement.plan import Guardrail, Plan
from grace.states import Verdict
from grace.statistics.arms import ArmsJudgement, Sums, judge_arms
from grace.statistics.guardrail import tripped
from grace.statistics.ratio_check import mismatch

__all__ = [
    "PATIENCE",
    "ArmsLook",
    "arms_rows",
    "compare",
    "counted",
    "judged",
    "seconds_left",
    "trip_of",
]

PATIENCE = timedelta(hours=6)
MOST = 1e7  # units of an arm; a verdict farther away than these is none


@dataclass(frozen=True)
class ArmsLook:
    """`stop` says why it ends without, or against, the word of the metric; None where it does not.

    `lost` are units of *before* and *after* that were under way for longer than anybody waits.
    """

    number: int
    at: datetime
    control: Sums
    treatment: Sums
    lost: tuple[int, int]
    judgement: ArmsJudgement
    verdict: Verdict | None
    stop: str | None = None


def compare(
    plan: Plan, units: Sequence[Unit], begun: datetime, at: datetime, number: int
) -> ArmsLook:
    """What the units that queued since `begun` say at a moment; those without an id are no units.

    The verdict is that of the first that applies: a guardrail that tripped, arms of which units
    are missing, the metric, and the longest duration.
    """
    trial = plan.trial
    since = begun + timedelta(seconds=trial.settle_seconds)
    ours = [unit for unit in units if unit.id and since <= unit.queued < at]
    over, lost = counted(ours, at)
    arms: dict[Arm, list[Unit]] = {"before": [], "after": []}
    for unit in over:
        arms[_arm(plan, unit)].append(unit)
    control, treatment = (
        Sums.of(unit.value for unit in arms[arm] if not math.isnan(unit.value)) for arm in arms
    )
    judgement = judged(plan, control, treatment)
    is_over = at >= begun + timedelta(seconds=trial.longest_seconds)
    verdict, stop = _ending(plan, arms, judgement, is_over)
    lost_of = [_arm(plan, unit) for unit in lost]
    return ArmsLook(
        number,
        at,
        control,
        treatment,
        (lost_of.count("before"), lost_of.count("after")),
        judgement,
        verdict,
        stop,
    )


def judged(plan: Plan, control: Sums, treatment: Sums) -> ArmsJudgement:
    return judge_arms(
        control,
        treatment,
        better=plan.better,
        smallest_effect=plan.smallest_effect,
        level=plan.level,
        span=metric(plan.metric).span,
    )


def seconds_left(plan: Plan, control: Sums, treatment: Sums, elapsed: float) -> float | None:
    """How long to a verdict, should units come and differ as they did within `elapsed` seconds.

    0 where there is one already; None where none can be foreseen.
    """
    units = min(control.n, treatment.n)
    if not units or elapsed <= 0:
        return None
    factor = 1.0
    while _grown(plan, control, treatment, factor).verdict is None:
        factor *= 1.05
        if units * factor > MOST:
            return None
    return (factor - 1) * elapsed


def arms_rows(plan: Plan, seen: ArmsLook) -> list[tuple[str, str]]:
    """What a look says, as a table for people: a name and its value a row."""
    measured, judgement = metric(plan.metric), seen.judgement
    change = measured.show_change
    effect = "-" if judgement.effect is None else change(judgement.effect)
    interval = "not before 30 runs an arm"
    if judgement.interval:
        low, high = judgement.interval
        interval = f"{change(low)} to {change(high)}"
    share = plan.trial.share
    is_off = mismatch(judgement.n_control, judgement.n_treatment, share)
    rows = [
        ("metric", f"{plan.metric}, *after* less *before*"),
        ("before", _arm_told(plan, seen.control, seen.lost[0])),
        ("after", _arm_told(plan, seen.treatment, seen.lost[1])),
        ("effect", effect),
        (f"{100 * (1 - plan.level):.0f} % confidence sequence", interval),
        ("sample ratio", f"{'NOT ' if is_off else ''}as assigned, {100 * share:.0f} % to *after*"),
        ("looked at", f"{seen.at:%Y-%m-%d %H:%M:%S} UTC, look {seen.number}"),
    ]
    return [*rows, ("ended", seen.stop)] if seen.stop else rows


def _arm_told(plan: Plan, arm: Sums, lost: int) -> str:
    mean = f", mean {metric(plan.metric).show(arm.mean)}" if arm.n else ""
    gone = f", {lost} under way for too long" if lost else ""
    return f"{arm.n} runs{mean}{gone}"


def _grown(plan: Plan, control: Sums, treatment: Sums, factor: float) -> ArmsJudgement:
    arms = (Sums(round(arm.n * factor), arm.mean, arm.m2 * factor) for arm in (control, treatment))
    return judged(plan, *arms)


def counted(units: Iterable[Unit], at: datetime) -> tuple[list[Unit], list[Unit]]:
    """The units that count, and those that were given up, in the order in which they queued."""
    over, lost = [], []
    for unit in sorted(units, key=lambda unit: (unit.queued, unit.id or "")):
        if unit.completed is not None and unit.completed <= at:
            over.append(unit)
        elif at - unit.queued <= PATIENCE:
            break
        else:
            lost.append(unit)
    return over, lost


def _arm(plan: Plan, unit: Unit) -> Arm:
    return assign(plan.trial.id, unit.id or "", share=plan.trial.share)


def _ending(
    plan: Plan, arms: Mapping[Arm, Sequence[Unit]], judgement: ArmsJudgement, is_over: bool
) -> tuple[Verdict | None, str | None]:
    if (trip := trip_of(plan.trial.guardrails, arms["after"])) is not None:
        return "regressed", trip
    before, after = len(arms["before"]), len(arms["after"])
    if mismatch(before, after, plan.trial.share):
        return "insufficient_data", (
            f"the arms have {before} and {after} runs, which is not the share of "
            f"{100 * plan.trial.share:.0f} % that was assigned: runs are lost, or were not "
            "assigned so"
        )
    if judgement.verdict is None and is_over:
        return "insufficient_data", "the longest duration is over"
    return judgement.verdict, None


def trip_of(guardrails: Iterable[Guardrail], treated: Sequence[Unit]) -> str | None:
    """Which guardrail the treated units tripped, in words; None where they keep to all."""
    for guardrail in guardrails:
        if _trips(guardrail, treated):
            return f"the {guardrail.of} of the treated runs passed {_bound(guardrail)}"
    return None


def _trips(guardrail: Guardrail, treated: Sequence[Unit]) -> bool:
    of_time = guardrail.of == "execution time"
    values = [unit.seconds if of_time else unit.failed for unit in treated]
    known = [value for value in values if value is not None and value >= 0]
    return tripped(known, guardrail.bound, hard_limit=guardrail.hard_limit)


def _bound(guardrail: Guardrail) -> str:
    if guardrail.of == "execution time":
        return f"{guardrail.bound:.1f} s"
    return f"{100 * guardrail.bound:.1f} %"
