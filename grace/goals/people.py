"""What people do with goals: add one, close one, say that one waits for another."""

from datetime import datetime

from grace.analysis.rules import Rules
from grace.errors import BadInput, NotAllowed
from grace.goals.dependencies import Kind, add_dependency
from grace.goals.goal import Goal, Priority, find_goal, read_goals
from grace.goals.history import observe
from grace.goals.metrics import Direction, metric_named
from grace.goals.register import Refused, close_goal, open_goal
from grace.governance.policy import Policy
from grace.store import Store
from grace.store.ids import uuid7

__all__ = ["add_goal", "close_by_hand", "depend"]


def add_goal(
    store: Store,
    policy: Policy,
    rules: Rules,
    now: datetime,
    *,
    metric: str,
    target: str,
    deadline: datetime,
    by: str,
    title: str | None = None,
    why: str = "",
    direction: Direction | None = None,
    priority: Priority = "medium",
) -> Goal:
    """Raises BadInput for what is no goal or is open already, NotAllowed where it is forbidden."""
    measured = metric_named(metric)
    aim, way = measured.read(target), direction or measured.better
    if deadline <= now:
        raise BadInput(f"the deadline {deadline:%Y-%m-%d %H:%M} UTC has passed")
    if not by.strip() or by == "grace":
        raise BadInput(f"--as names a person, and grace is the engine's name, not {by!r}")
    seen = observe(store, now, rules, [metric])[metric]
    limit = "at least" if way == "higher" else "at most"
    goal = Goal(
        goal_id=uuid7(now),
        title=title or f"{measured.label}: {limit} {measured.show(aim)}",
        description=why,
        category="own",
        priority=priority,
        status="active",
        metric=metric,
        direction=way,
        baseline=seen.value if seen.is_enough else None,
        target=aim,
        deadline=deadline,
        progress=None,
        created_by=by,
        auto_created=False,
        created_at=now,
    )
    with store.writing(now) as writer:
        for each in read_goals(writer.connection):
            if each.is_open and _aims(each) == _aims(goal):
                raise BadInput(f"this goal is open already: {each.title}, {each.goal_id[-12:]}")
        refused = open_goal(writer, goal, policy, person=by)
    _raise(refused)
    return goal


def close_by_hand(
    store: Store, policy: Policy, now: datetime, part: str, *, by: str, reason: str
) -> Goal:
    """End a goal without judging it. Raises BadInput where it is none or has ended."""
    goal = find_goal(store, part)
    if not goal.is_open:
        raise BadInput(f"{goal.title!r} has ended: it is {goal.status}")
    with store.writing(now) as writer:
        refused = close_goal(writer, goal, "closed", policy, reason=reason, person=by)
    _raise(refused)
    return goal.ended("closed", now)


def depend(
    store: Store, now: datetime, part: str, on: str, kind: Kind, note: str | None
) -> tuple[Goal, Goal]:
    """Raises BadInput for a cycle, which it names, and where one of them is no goal."""
    goal, other = find_goal(store, part), find_goal(store, on)
    if goal.goal_id == other.goal_id:
        raise BadInput(f"{goal.title!r} cannot wait for itself")
    with store.writing(now) as writer:
        add_dependency(writer, goal, other, kind, note)
    return goal, other


def _aims(goal: Goal) -> tuple[str, Direction, float]:
    return goal.metric, goal.direction, goal.target


def _raise(refused: Refused | None) -> None:
    """The transaction is over: what governance said stands in the log."""
    if refused is not None:
        raise NotAllowed(f"the policy forbids it: {refused.reason}")
