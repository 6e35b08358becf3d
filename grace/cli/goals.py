"""`grace goals …`: what is to be reached or kept, how it stands, and how it will end."""

import getpass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import BadInput

if TYPE_CHECKING:
    from rich.console import RenderableType

    from grace.goals.dependencies import Kind
    from grace.goals.evaluations import Told
    from grace.goals.goal import Goal

__all__ = ["register"]

Id = Annotated[str, typer.Argument(help="The goal's id, or its beginning or end.")]
As = Annotated[str, typer.Option("--as", help="Your name.", default_factory=getpass.getuser)]


class Better(StrEnum):
    HIGHER = "higher"
    LOWER = "lower"


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


def register(app: typer.Typer) -> None:
    goals = typer.Typer(help="Goals: what is to be reached or kept, and how it stands.")
    goals.callback(invoke_without_command=True)(_list_without_command)
    goals.command("list")(list_)
    for command in (add, show, close, depend):
        goals.command()(command)
    app.add_typer(goals, name="goals")


def _list_without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_(every=False)


def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that have ended too.")] = False,
) -> None:
    """List the open goals, oldest first. The answer to --json is described in docs/goals.md.

    Example: grace goals list --all
    """
    from grace.goals.evaluations import last_told
    from grace.goals.goal import list_goals
    from grace.goals.page import goal_row
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    told = last_told(store)
    shown = [goal for goal in list_goals(store) if every or goal.is_open]
    rows = [goal_row(goal, told.get(goal.goal_id)) for goal in shown]
    emit(rows, lambda: _table(shown, told))


def add(
    metric: Annotated[
        str, typer.Argument(help="As healing_success_rate, or kpi:quality.test_coverage.")
    ],
    target: Annotated[str, typer.Argument(help="As 90%, 2s or 50.")],
    by: As,
    days: Annotated[float, typer.Option(min=0.1, max=3660, help="Until the deadline.")] = 30,
    title: Annotated[str | None, typer.Option(help="What the board calls it.")] = None,
    why: Annotated[str, typer.Option("--why", "-w", help="Why; it goes into the record.")] = "",
    better: Annotated[
        Better | None, typer.Option(help="Which way is better; without: as usual for the metric.")
    ] = None,
    priority: Annotated[Priority, typer.Option(help="For whoever reads it.")] = Priority.MEDIUM,
) -> None:
    """Add a goal on any metric of the analysis, or on a KPI that `grace log kpi` logs.

    Where its target is reached already, it is met if it is kept until the deadline.

    Example: grace goals add healing_success_rate 95% --days 60 --why "the contract says so"
    """
    from grace.analysis.rules import load_rules
    from grace.goals.judging import judge
    from grace.goals.people import add_goal
    from grace.governance.policy import load_policy
    from grace.store import open_store

    store, policy, rules = open_store(settings().url), load_policy(settings()), load_rules()
    now = datetime.now(UTC)
    goal = add_goal(
        store,
        policy,
        rules,
        now,
        metric=metric,
        target=target,
        deadline=now + timedelta(days=days),
        by=by,
        title=title,
        why=why,
        direction=better.value if better else None,
        priority=priority.value,
    )
    judge(store, policy, now, rules, only=goal.goal_id)
    _emit_one(goal.goal_id)


def show(goal: Id) -> None:
    """Show one goal: how it stands, how it will end, what it waits for, and how it stood before.

    Example: grace goals show 5f0c1d2e
    """
    _emit_one(goal)


def close(
    goal: Id,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; it goes into the record.")],
    by: As,
) -> None:
    """End a goal without judging it. The engine does not set it again for some days.

    Example: grace goals close 5f0c1d2e --reason "the service is being moved"
    """
    from grace.goals.page import goal_row
    from grace.goals.people import close_by_hand
    from grace.governance.policy import load_policy
    from grace.store import open_store

    store, policy = open_store(settings().url, create=False), load_policy(settings())
    closed = close_by_hand(store, policy, datetime.now(UTC), goal, by=by, reason=reason)
    emit(goal_row(closed, None), f"{closed.title} is closed.")


def depend(
    goal: Id,
    on: Annotated[str, typer.Argument(help="The goal that it waits for.")],
    enables: Annotated[
        bool, typer.Option("--enables", help="It only helps: nothing is blocked by it.")
    ] = False,
    lift: Annotated[bool, typer.Option("--lift", help="It waits for it no more.")] = False,
    note: Annotated[str | None, typer.Option(help="Why; it goes into the record.")] = None,
) -> None:
    """Say that a goal waits for another: its chance is then at most that of the other.

    Example: grace goals depend 5f0c1d2e 77aa01b4 --note "the rules come first"
    """
    from grace.goals.people import depend as depend_on
    from grace.store import open_store

    if enables and lift:
        raise BadInput("--enables and --lift are two different things")
    kind: Kind = "lifted" if lift else "enables" if enables else "blocks"
    store = open_store(settings().url, create=False)
    one, other = depend_on(store, datetime.now(UTC), goal, on, kind, note)
    said = {"blocks": "waits for", "enables": "is helped by", "lifted": "no longer waits for"}[kind]
    told = {"goal": one.goal_id, "depends_on": other.goal_id, "type": kind, "note": note}
    emit(told, f"{one.title} {said} {other.title}.")


def _emit_one(part: str) -> None:
    from grace.goals.dependencies import read_dependencies
    from grace.goals.evaluations import last_told, told_of
    from grace.goals.goal import find_goal, list_goals
    from grace.goals.page import goal_row
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    goal = find_goal(store, part)
    with store.reading() as connection:
        edges = [edge for edge in read_dependencies(connection) if edge.goal_id == goal.goal_id]
    titles = {each.goal_id: each.title for each in list_goals(store)}
    told, days = last_told(store).get(goal.goal_id), told_of(store, goal.goal_id)
    waits = [
        {"id": edge.depends_on_goal_id, "title": titles.get(edge.depends_on_goal_id)}
        | {"type": edge.type, "note": edge.note}
        for edge in edges
    ]
    history = [
        {"day": each.day, "status": each.status, "value": each.value, "p_met": each.p_met}
        for each in days
    ]
    more = {"description": goal.description, "depends_on": waits, "history": history}
    forecast = {"forecast": told.forecast if told else None}
    emit(
        goal_row(goal, told) | more | forecast,
        lambda: _page(goal, told, [f"{each['title']} ({each['type']})" for each in waits], days),
    )


def _table(shown: "list[Goal]", told: "dict[str, Told]") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    from grace.goals.page import table_of

    if not shown:
        return "No goal is open. `grace goals add --help` says how to add one."
    made = table_of(shown, told)
    # as many as a narrow terminal holds; half an id is no use
    heads = ("id", "goal", "status", "value", "target", "P(met)", "deadline")
    drawn = Table(box=None)
    for head in heads:
        drawn.add_column(head, no_wrap=head in ("id", "deadline"), overflow="fold")
    for row in made.rows:
        drawn.add_row(*(Text(row[made.heads.index(head)]) for head in heads))
    return drawn


def _page(
    goal: "Goal", told: "Told | None", waits: list[str], days: "list[Told]"
) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from grace.goals.explaining import chance
    from grace.goals.metrics import metric_named

    metric = metric_named(goal.metric)
    made = f"{goal.category}, {goal.priority}, made {goal.created_at:%Y-%m-%d} by {goal.created_by}"
    drawn = Table("day", "status", "value", "P(met)", box=None)
    for each in days:
        status = each.status.replace("_", " ")
        drawn.add_row(str(each.day), status, metric.show(each.value), chance(each.p_met))
    lines = [
        f"{goal.title} ({goal.goal_id})",
        f"{made}; deadline {goal.deadline:%Y-%m-%d %H:%M} UTC",
        goal.description,
        told.explanation if told else "It has not been judged yet.",
        f"Waits for: {', '.join(waits)}" if waits else "",
    ]
    return Group(*(Text(line) for line in lines if line), *([drawn] if days else []))
