"""The goal board: every open goal with its chart, and what became of those that ended."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from grace.analysis.tables import Table
from grace.goals.evaluating import Evaluated
from grace.goals.evaluations import Told
from grace.goals.explaining import chance, explain, target_words
from grace.goals.goal import Goal
from grace.goals.judging import came_true
from grace.goals.metrics import metric_named
from grace.markdown import plain

__all__ = ["board", "goal_row", "status_of", "table_of"]

MOST_CHARTS = 30  # a page that nobody can load helps nobody
LAST_ENDED = 10
HEADS = ("id", "goal", "status", "value", "target", "done", "P(met)", "deadline", "kind")
# the page in Prefect's UI is narrow: what stands first and last there is said with each goal
ON_THE_PAGE = slice(1, -1)


def board(
    goals: Sequence[Goal],
    told: Mapping[str, Told],
    found: Iterable[Evaluated],
    charts: Mapping[str, str],
    *,
    log: str,
) -> str:
    """The whole page in markdown; `charts` are images of open goals, by id."""
    open_goals = [goal for goal in goals if goal.is_open]
    ended = [goal for goal in goals if not goal.is_open][-LAST_ENDED:]
    parts = [f"# Goals of {plain(log)}\n", _counts(goals)]
    parts.append(_markdown(table_of(open_goals, told)) if open_goals else "No goal is open.\n")
    parts += _open_goals(found, charts)
    if ended:
        parts += ["## Ended\n", _markdown(table_of(reversed(ended), told))]
    return "\n".join(parts)


def table_of(goals: Iterable[Goal], told: Mapping[str, Told]) -> Table:
    """A line each; of one that was not evaluated yet only what it is."""
    return Table("Goals", HEADS, tuple(_line(goal, told.get(goal.goal_id)) for goal in goals))


def goal_row(goal: Goal, told: Told | None) -> dict[str, object]:
    """What programs read of a goal; only ever extended."""
    return {
        "id": goal.goal_id,
        "title": goal.title,
        "metric": goal.metric,
        "value": told.value if told else None,
        "target": goal.target,
        "status": status_of(goal, told),
        "p_met": told.p_met if told and goal.is_open else None,
        "deadline": goal.deadline,
        "direction": goal.direction,
        "baseline": goal.baseline,
        "progress": goal.progress,
        "confidence": told.confidence if told else None,
        "explanation": told.explanation if told else None,
        "evaluated": told.day if told else None,
        "blocked_by": told.forecast.get("blocked_by", []) if told and goal.is_open else [],
        "category": goal.category,
        "priority": goal.priority,
        "open": goal.is_open,
        "created_by": goal.created_by,
        "created_at": goal.created_at,
        "completed_at": goal.completed_at,
    }


def status_of(goal: Goal, told: Told | None) -> str:
    """Of an open goal how it stands, of an ended one how it ended: met, missed or closed."""
    if not goal.is_open:
        return goal.status
    return told.status if told else "insufficient_data"


def _line(goal: Goal, told: Told | None) -> tuple[str, ...]:
    metric = metric_named(goal.metric)
    return (
        goal.goal_id[-12:],
        goal.title,
        status_of(goal, told).replace("_", " "),
        metric.show(told.value) if told and told.value is not None else "-",
        target_words(metric, goal.target, goal.direction),
        "-" if goal.progress is None else f"{goal.progress:.0f} %",
        chance(told.p_met if told and goal.is_open else None),
        f"{goal.deadline:%Y-%m-%d}",
        goal.category,
    )


def _counts(goals: Sequence[Goal]) -> str:
    states: list[str] = [goal.status for goal in goals]
    said = ", ".join(
        f"{states.count(state)} {word}"
        for state, word in (
            ("active", "open"),
            ("met", "met"),
            ("missed", "missed"),
            ("closed", "closed by a person"),
        )
    )
    true, of = came_true(goals)
    predicted = (
        f" Of {of} predictive goals that ran to their end, {true} came true: the metric left its "
        "target as predicted."
        if of
        else ""
    )
    return f"{said}.{predicted}\n"


def _open_goals(found: Iterable[Evaluated], charts: Mapping[str, str]) -> Iterator[str]:
    for number, each in enumerate(found):
        named = f"`{each.goal.goal_id[-12:]}`, {each.goal.category}"
        yield (f"## {plain(each.goal.title)}\n\n{plain(explain(each))}{_record(each)} ({named})\n")
        image = charts.get(each.goal.goal_id)
        if image is not None and number < MOST_CHARTS:
            yield f"![value, target and forecast]({image})\n"


def _record(found: Evaluated) -> str:
    """How often earlier forecasts of this goal held what came."""
    ahead = found.ahead
    if ahead is None or ahead.coverage is None:
        return ""
    return (
        f" Of {ahead.coverage_n} earlier forecasts of it that came due, "
        f"{100 * ahead.coverage:.0f} % held the value that came (80 % is promised)."
    )


def _markdown(table: Table) -> str:
    heads = table.heads[ON_THE_PAGE]
    rows = "".join(f"| {' | '.join(map(plain, row[ON_THE_PAGE]))} |\n" for row in table.rows)
    return f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n{rows}"
