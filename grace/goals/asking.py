"""Which goals the analysis asks for: what surely falls short, and what will surely not last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from grace.forecasting import forecast
from grace.goals.goal import Category, Goal, Priority
from grace.goals.history import Seen
from grace.goals.metrics import PATTERNS, Direction, metric_named
from grace.store.ids import uuid7

__all__ = ["WANTED", "Asked", "Wanted", "asked_for", "goal_of"]

PREDICTED_DAYS = 14
SURE = 0.8


@dataclass(frozen=True)
class Wanted:
    metric: str
    target: float
    days: int
    priority: Priority
    title: str
    direction: Direction = "higher"


WANTED: tuple[Wanted, ...] = (
    Wanted("healing_success_rate", 0.90, 30, "high", "Healing success rate of 90 %"),
    Wanted(PATTERNS, 50, 60, "medium", "50 error patterns learned"),
    Wanted("execution_rate", 0.85, 45, "high", "Autonomous execution of 85 %"),
    Wanted("response_seconds", 2.0, 30, "medium", "Mean response under 2 s", "lower"),
    Wanted("kpi:quality.test_coverage", 80, 90, "high", "Test coverage of 80 %"),
)


Answer: TypeAlias = Literal["asked", "within", "unsure", "unknown"]


@dataclass(frozen=True)
class Asked:
    """`reason` is a sentence; `predictive` where it is within its target and will leave it."""

    wanted: Wanted
    answer: Answer
    reason: str
    predictive: bool = False


def asked_for(wanted: Wanted, seen: Seen) -> Asked:
    """A goal is asked for where the whole interval falls short, so that noise asks for none."""
    metric = metric_named(wanted.metric)
    if seen.value is None or not seen.is_enough:
        return Asked(wanted, "unknown", f"{metric.label}: too little is known (n {seen.n}).")
    sign = 1 if wanted.direction == "higher" else -1
    ends = (seen.value, seen.value) if metric.counted else seen.interval
    now = f"{metric.label}: {metric.show(seen.value)}"
    target = metric.show(wanted.target)
    if ends is not None and all(sign * (end - wanted.target) < 0 for end in ends):
        return Asked(wanted, "asked", f"{now}, surely short of {target}.")
    if sign * (seen.value - wanted.target) < 0:
        return Asked(wanted, "unsure", f"{now}, not surely short of {target}.")
    leaving = _leaving(wanted, seen)
    if leaving is not None and leaving >= SURE:
        reason = (
            f"{now}, within {target}, and leaves it within {PREDICTED_DAYS} days with a chance of "
            f"{100 * leaving:.0f} %."
        )
        return Asked(wanted, "asked", reason, predictive=True)
    return Asked(wanted, "within", f"{now}, within {target}.")


def _leaving(wanted: Wanted, seen: Seen) -> float | None:
    if seen.daily.empty:
        return None
    bounds = (0.0, 1.0) if seen.metric.unit == "share" else (float("-inf"), float("inf"))
    ahead = forecast(seen.daily, PREDICTED_DAYS, bounds=bounds)
    stays = ahead.p_beyond(wanted.target, wanted.direction) if ahead else None
    return None if stays is None else 1 - stays


def goal_of(asked: Asked, seen: Seen, now: datetime) -> Goal:
    wanted = asked.wanted
    category: Category = "predictive" if asked.predictive else "autonomous"
    days = PREDICTED_DAYS if asked.predictive else wanted.days
    return Goal(
        goal_id=uuid7(now),
        title=f"Keep: {wanted.title}" if asked.predictive else wanted.title,
        description=asked.reason,
        category=category,
        priority=wanted.priority,
        status="active",
        metric=wanted.metric,
        direction=wanted.direction,
        baseline=seen.value,
        target=wanted.target,
        deadline=now + timedelta(days=days),
        progress=100.0 if asked.predictive else 0.0,
        created_by="grace",
        auto_created=True,
        created_at=now,
    )
