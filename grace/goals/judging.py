"""All open goals on one day: evaluated behind those they wait for, recorded, and closed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from grace.analysis.rules import Rules
from grace.goals.dependencies import Dependency, in_order, read_dependencies
from grace.goals.evaluating import Before, Blocker, Evaluated, evaluate
from grace.goals.evaluations import past_of, record_evaluation
from grace.goals.explaining import explain
from grace.goals.goal import Goal, read_goals
from grace.goals.history import Seen, observe
from grace.goals.register import close_goal, revise_goal
from grace.governance.policy import Policy
from grace.store import Store, Writer

__all__ = ["came_true", "evaluate_all", "judge"]


def judge(
    store: Store, policy: Policy, now: datetime, rules: Rules, *, only: str | None = None
) -> list[Evaluated]:
    """Evaluate every open goal, or `only` one, record it, and close what is at its end.

    Doing it again on the same day records only what has changed since. One transaction: either all
    of it stands in the log, or nothing.
    """
    found = [each for each in evaluate_all(store, now, rules) if only in (None, each.goal.goal_id)]
    with store.writing(now) as writer:
        still = {goal.goal_id for goal in read_goals(writer.connection) if goal.is_open}
        for each in found:
            # what somebody closed meanwhile is not evaluated any more
            if each.goal.goal_id in still:
                _record(writer, each, policy)
    return found


def evaluate_all(store: Store, now: datetime, rules: Rules) -> list[Evaluated]:
    """Every open goal, without recording anything."""
    with store.reading() as connection:
        goals, edges = read_goals(connection), read_dependencies(connection)
        open_goals = [goal for goal in goals if goal.is_open]
        past = past_of(connection, [goal.goal_id for goal in open_goals], now)
    seen = observe(store, now, rules, {goal.metric for goal in open_goals})
    return _evaluated(goals, open_goals, edges, past, seen, now)


def came_true(goals: Iterable[Goal]) -> tuple[int, int]:
    """How many predictive goals ended as predicted, missed, of how many that ran to their end."""
    ends = Counter(goal.status for goal in goals if goal.category == "predictive")
    return ends["missed"], ends["missed"] + ends["met"]


def _evaluated(
    goals: Sequence[Goal],
    open_goals: Sequence[Goal],
    edges: Sequence[Dependency],
    past: Mapping[str, Before],
    seen: Mapping[str, Seen],
    now: datetime,
) -> list[Evaluated]:
    by_id = {goal.goal_id: goal for goal in goals}
    found: dict[str, Evaluated] = {}
    for goal in in_order(open_goals, edges):
        waits_for = [
            by_id[edge.depends_on_goal_id]
            for edge in edges
            if edge.goal_id == goal.goal_id
            and edge.type == "blocks"
            and edge.depends_on_goal_id in by_id
        ]
        blockers = [one for other in waits_for for one in _blocker(other, found)]
        found[goal.goal_id] = evaluate(goal, seen[goal.metric], now, past[goal.goal_id], blockers)
    return [found[goal.goal_id] for goal in open_goals]


def _blocker(goal: Goal, found: Mapping[str, Evaluated]) -> list[Blocker]:
    """None that was met, or that a person closed."""
    if goal.status == "missed":
        return [Blocker(goal, 0.0)]
    evaluated = found.get(goal.goal_id)
    if evaluated is None or evaluated.ends == "met":
        return []
    if evaluated.ends == "missed":
        return [Blocker(goal.ended("missed", goal.deadline), 0.0)]
    return [Blocker(goal, evaluated.p_met)]


def _record(writer: Writer, found: Evaluated, policy: Policy) -> None:
    record_evaluation(writer, found)
    revise_goal(writer, found.goal)
    if found.ends is not None:
        close_goal(writer, found.goal, found.ends, policy, reason=explain(found), person=None)
