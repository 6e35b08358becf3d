"""The engine's own goals: what the analysis asks for is opened, where nothing stands in its way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from grace.analysis.rules import Rules
from grace.goals.asking import WANTED, Asked, asked_for, goal_of
from grace.goals.goal import Goal
from grace.goals.history import Seen, observe
from grace.goals.register import Refused, in_the_way, open_goal
from grace.governance.policy import Policy
from grace.store import Store

__all__ = ["Looked", "set_goals"]

Became: TypeAlias = Literal["created", "open", "resting", "forbidden", "asked", "quiet", "watching"]


@dataclass(frozen=True)
class Looked:
    """What became of one metric that the engine watches, with the reason as a sentence."""

    metric: str
    became: Became
    reason: str
    n: int
    goal: Goal | None = None


def set_goals(store: Store, policy: Policy, now: datetime, rules: Rules) -> list[Looked]:
    """One `Looked` for each goal that the engine may set."""
    seen = observe(store, now, rules, [wanted.metric for wanted in WANTED])
    asked = [asked_for(wanted, seen[wanted.metric]) for wanted in WANTED]
    return list(_looked(store, policy, now, asked, seen))


def _looked(
    store: Store, policy: Policy, now: datetime, asked: Iterable[Asked], seen: Mapping[str, Seen]
) -> Iterable[Looked]:
    for each in asked:
        metric = each.wanted.metric
        n = seen[metric].n
        if each.answer == "asked":
            yield _opened(store, policy, now, each, seen[metric])
        elif each.answer == "within":
            yield Looked(metric, "quiet", each.reason, n)
        else:
            yield Looked(metric, "watching", each.reason, n)


def _opened(store: Store, policy: Policy, now: datetime, asked: Asked, seen: Seen) -> Looked:
    """Looked for and opened in one transaction: of two processes at once one finds the other's."""
    metric, goal = asked.wanted.metric, goal_of(asked, seen, now)
    with store.writing(now) as writer:
        if (found := in_the_way(writer, goal, policy.rest)) is not None:
            other, how = found
            why = "is open already" if how == "open" else "ended a short while ago"
            became: Became = "open" if how == "open" else "resting"
            return Looked(metric, became, f"{asked.reason} The goal {other.title!r} {why}.", seen.n)
        refused = open_goal(writer, goal, policy)
    if refused is not None:
        return _refused(asked, refused, seen.n)
    return Looked(metric, "created", asked.reason, seen.n, goal)


def _refused(asked: Asked, refused: Refused, n: int) -> Looked:
    metric = asked.wanted.metric
    if refused.asked:
        how = f"The policy leaves it to a person: `grace goals add {metric} …` ({refused.reason})."
        return Looked(metric, "asked", f"{asked.reason} {how}", n)
    return Looked(metric, "forbidden", f"{asked.reason} Forbidden: {refused.reason}.", n)
