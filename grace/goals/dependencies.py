"""Which goal waits for which: a graph without cycles."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.errors import BadInput
from grace.goals.goal import Goal
from grace.store import Writer
from grace.store.append import OWN_SOURCES
from grace.store.schema import LOGS

__all__ = ["Dependency", "Kind", "add_dependency", "in_order", "read_dependencies"]

EDGES = LOGS["goal_dependencies"].table

Kind: TypeAlias = Literal["blocks", "enables", "lifted"]


@dataclass(frozen=True)
class Dependency:
    """`goal_id` waits for `depends_on_goal_id`, or is only helped by it (*enables*)."""

    goal_id: str
    depends_on_goal_id: str
    type: Kind
    note: str | None = None


def read_dependencies(connection: Connection) -> list[Dependency]:
    """Those that hold, in the order in which they were made."""
    later = EDGES.alias("later")
    superseded = sa.exists().where(
        later.c.goal_id == EDGES.c.goal_id,
        later.c.depends_on_goal_id == EDGES.c.depends_on_goal_id,
        later.c.revision > EDGES.c.revision,
    )
    columns = (EDGES.c[name] for name in Dependency.__dataclass_fields__)
    query = (
        sa.select(*columns)
        .where(
            ~superseded, EDGES.c.source.in_(OWN_SOURCES), EDGES.c.type.in_(("blocks", "enables"))
        )
        .order_by(EDGES.c.ledger_index)
    )
    return [Dependency(*row) for row in connection.execute(query)]


def add_dependency(
    writer: Writer, goal: Goal, on: Goal, kind: Kind, note: str | None = None
) -> None:
    """Raises BadInput where it would close a cycle, and names the cycle.

    The transaction holds the head of the log, so that two at once cannot close one together.
    """
    if kind != "lifted":
        _check_no_cycle(read_dependencies(writer.connection), goal, on)
    edge = Dependency(goal.goal_id, on.goal_id, kind, note)
    if writer.append("goal_dependencies", [vars(edge)]):
        told = vars(edge) | {"title": goal.title, "depends_on": on.title}
        writer.event("goal.dependency_changed", f"goal/{goal.goal_id}", told)


def in_order(goals: Sequence[Goal], edges: Iterable[Dependency]) -> list[Goal]:
    """Each goal behind those it waits for, else as given."""
    by_id = {goal.goal_id: goal for goal in goals}
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(by_id, ()))
    for edge in edges:
        if edge.goal_id in by_id and edge.depends_on_goal_id in by_id:
            sorter.add(edge.goal_id, edge.depends_on_goal_id)
    return [by_id[name] for name in sorter.static_order()]


def _check_no_cycle(edges: Iterable[Dependency], goal: Goal, on: Goal) -> None:
    ahead: dict[str, list[str]] = {}
    for edge in edges:
        ahead.setdefault(edge.goal_id, []).append(edge.depends_on_goal_id)
    way = _way(ahead, on.goal_id, goal.goal_id)
    if way is not None:
        named = " -> ".join(each[-12:] for each in (goal.goal_id, *way))
        raise BadInput(
            f"{goal.title!r} cannot wait for {on.title!r}: they would wait for each other, {named}"
        )


def _way(ahead: Mapping[str, Sequence[str]], start: str, end: str) -> list[str] | None:
    """From one goal along what each waits for to another; None where there is no way."""
    ways: list[list[str]] = [[start]]
    seen = {start}
    while ways:
        way = ways.pop()
        if way[-1] == end:
            return way
        for each in ahead.get(way[-1], ()):
            if each not in seen:
                seen.add(each)
                ways.append([*way, each])
    return None
