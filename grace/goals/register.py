"""Goals are opened and closed here and nowhere else: governance first, then row, trace and event.

All of it is one transaction that holds the head of the log, so that two processes at once never
open a second goal on one metric, nor close one twice.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta

from grace.goals.goal import Goal, Life, read_goals
from grace.governance.decisions import Decision, record_decision
from grace.governance.policy import Policy
from grace.governance.request import GoalAction, about_goal
from grace.store import Writer

__all__ = ["Refused", "close_goal", "event_of", "in_the_way", "open_goal", "revise_goal"]


@dataclass(frozen=True)
class Refused:
    """Why a goal was not opened or closed, in words; `asked` where a person may do it instead."""

    reason: str
    asked: bool = False


def open_goal(
    writer: Writer, goal: Goal, policy: Policy, *, person: str | None = None
) -> Refused | None:
    """None when it is open; `person` is who adds it, None the engine.

    Whoever asks has looked for what is `in_the_way`, in the same transaction.
    """
    if refused := _refused(writer, "create_goal", goal, policy, person):
        return refused
    writer.append("goals", [asdict(goal)])
    writer.event("goal.created", f"goal/{goal.goal_id}", event_of(goal))
    return None


def close_goal(
    writer: Writer, goal: Goal, status: Life, policy: Policy, *, reason: str, person: str | None
) -> Refused | None:
    """None when it is closed, or was already. A goal that a person added ends as they set it."""
    if not any(
        each.goal_id == goal.goal_id and each.is_open for each in read_goals(writer.connection)
    ):
        return None
    asks = person if person is not None or goal.auto_created else goal.created_by
    if refused := _refused(writer, "close_goal", goal, policy, asks):
        return refused
    ended = goal.ended(status, writer.now)
    writer.append("goals", [asdict(ended)])
    told = event_of(ended) | {"reason": reason, "by": person or "grace"}
    writer.event(f"goal.{status}", f"goal/{goal.goal_id}", told)
    return None


def revise_goal(writer: Writer, goal: Goal) -> None:
    """Its baseline or progress; the same again adds nothing."""
    writer.append("goals", [asdict(goal)])


def in_the_way(writer: Writer, goal: Goal, rest: timedelta) -> tuple[Goal, str] | None:
    """Why the engine opens no goal on this metric besides governance: one is open, or rests."""
    same = [each for each in read_goals(writer.connection) if each.metric == goal.metric]
    for each in same:
        if each.is_open:
            return each, "open"
    ended = [each for each in same if each.completed_at and each.completed_at > writer.now - rest]
    return (ended[-1], "resting") if ended else None


def event_of(goal: Goal) -> dict[str, object]:
    return {
        "goal_id": goal.goal_id,
        "title": goal.title,
        "metric": goal.metric,
        "direction": goal.direction,
        "target": goal.target,
        "deadline": goal.deadline.isoformat(),
        "category": goal.category,
        "priority": goal.priority,
    }


def _refused(
    writer: Writer, action: GoalAction, goal: Goal, policy: Policy, person: str | None
) -> Refused | None:
    """Ask governance and record what it said; a refusal once a day."""
    request = about_goal(
        action, goal.metric, writer.now, autonomous=goal.auto_created, person=person
    )
    ruling = policy.rule(request)
    # what no rule names a person decides, and that is who asks
    may = ruling.answer == "permit" or (ruling.answer == "ask" and person is not None)
    about = goal.metric if action == "create_goal" else goal.goal_id
    refused = f"{about}/{request.name}/{writer.now:%Y-%m-%d}"
    decision = Decision(
        question="may it be done",
        answer=ruling.answer,
        reason=ruling.reason,
        reviewer=person,
        assurance=None if person is None else "declared",
        policy_digest=policy.digest,
        decision_id=f"{action}/{goal.goal_id if may else refused}",
        detail={"action": action, "target": request.target, "title": goal.title},
    )
    record_decision(writer, decision)
    return None if may else Refused(ruling.reason, asked=ruling.answer == "ask")
