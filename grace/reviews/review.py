"""One goal that went off its track: how it stands, where the gap lies, what is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.analysis.rules import Rules
from grace.analysis.window import analyse
from grace.goals.evaluating import Evaluated
from grace.goals.goal import Goal, find_goal
from grace.goals.history import WINDOW_DAYS
from grace.goals.judging import evaluate_all
from grace.goals.shortfall import Part, shortfall
from grace.governance.register import Entry, list_entries
from grace.mesh import Event
from grace.opportunities.finding import Finding
from grace.store import Store
from grace.summary import last_findings

__all__ = ["Review", "engine_for", "review"]

WINDOW = timedelta(days=WINDOW_DAYS)
HEALING, OPTIMIZER = "proactive-improvement", "performance-optimizer"
# the kinds of opportunity whose success would move a figure, and the engine that looks for them
_ABOUT: dict[str, tuple[str, tuple[str, ...]]] = {
    "healing_success_rate": (HEALING, ("enhance_healing", "fix_recurring_error")),
    "ml_confidence": (HEALING, ("improve_ml_confidence",)),
    "prediction_accuracy": (HEALING, ("improve_ml_confidence",)),
    "error_patterns_learned": (HEALING, ("fix_recurring_error",)),
    "execution_rate": (HEALING, ("improve_execution",)),
    "approval_rate": (HEALING, ("improve_execution",)),
    "task_success_rate": (OPTIMIZER, ("improve_task_success", "fix_recurring_error")),
    "run_success_rate": (OPTIMIZER, ("improve_task_success", "fix_recurring_error")),
    "task_execution_seconds": (OPTIMIZER, ("reduce_execution_time", "cause")),
    "task_wait_seconds": (OPTIMIZER, ("reduce_wait_time", "cause")),
    "response_seconds": (OPTIMIZER, ("reduce_wait_time", "reduce_execution_time", "cause")),
    "events_per_hour": (OPTIMIZER, ("increase_activity",)),
}


@dataclass(frozen=True)
class Review:
    """`standing` is None where the goal is closed by now; `parts` is empty where its figure has
    none. `engine` is the flow that looks for what would help, None where no engine does."""

    event: Event
    goal: Goal
    standing: Evaluated | None
    parts: Sequence[Part]
    proposals: Sequence[Entry]
    findings: Sequence[Finding]
    engine: str | None
    made_at: datetime


def review(store: Store, event: Event, now: datetime, rules: Rules) -> Review:
    """Raises BadInput for an event about a goal that is not in the log."""
    goal = find_goal(store, event.resource.removeprefix("goal/"))
    standing = next(
        (each for each in evaluate_all(store, now, rules) if each.goal.goal_id == goal.goal_id),
        None,
    )
    middle = now - WINDOW
    recent = analyse(store, middle, now, now=now, rules=rules)
    before = analyse(store, middle - WINDOW, middle, now=now, rules=rules)
    kinds = _ABOUT[goal.metric][1] if goal.metric in _ABOUT else ()
    return Review(
        event=event,
        goal=goal,
        standing=standing,
        parts=shortfall(goal, recent, before),
        proposals=[
            entry for entry in list_entries(store) if entry.is_open and entry.proposal.kind in kinds
        ],
        findings=[each for each in last_findings(store) if each.kind in kinds],
        engine=engine_for(goal.metric),
        made_at=now,
    )


def engine_for(metric: str) -> str | None:
    """The flow that looks for what would move this figure."""
    return _ABOUT[metric][0] if metric in _ABOUT else None
