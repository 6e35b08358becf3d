"""One goal, as its newest row says."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.errors import BadInput
from grace.goals.metrics import Direction
from grace.store import Store
from grace.store.append import OWN_SOURCES
from grace.store.schema import LOGS

__all__ = ["Category", "Goal", "Life", "Priority", "find_goal", "list_goals", "read_goals"]

GOALS = LOGS["goals"].table

Life: TypeAlias = Literal["active", "met", "missed", "closed"]
Category: TypeAlias = Literal["autonomous", "predictive", "own"]
Priority: TypeAlias = Literal["low", "medium", "high", "critical"]


@dataclass(frozen=True)
class Goal:
    """`baseline` is the value it began with, None until one is known; `progress` 0 to 100."""

    goal_id: str
    title: str
    description: str
    category: Category
    priority: Priority
    status: Life
    metric: str
    direction: Direction
    baseline: float | None
    target: float
    deadline: datetime
    progress: float | None
    created_by: str
    auto_created: bool
    created_at: datetime
    completed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status == "active"

    @property
    def sign(self) -> int:
        return 1 if self.direction == "higher" else -1

    @property
    def keeps(self) -> bool:
        """Whether it began within its target: then it is to stay there until the deadline."""
        return self.baseline is not None and self.reached(self.baseline)

    def reached(self, value: float) -> bool:
        """Whether a value is at the target or beyond; a rounding below it is at it."""
        return self.sign * (value - self.target) >= -1e-9 * max(1.0, abs(self.target))

    def share_of_time(self, now: datetime) -> float:
        whole = (self.deadline - self.created_at).total_seconds()
        return min(1.0, max(0.0, (now - self.created_at).total_seconds() / whole)) if whole else 1.0

    def progressed(self, value: float) -> float:
        """0 to 100, from baseline to target; of one that keeps, 100 while it is within."""
        if self.baseline is None or self.reached(value):
            return 100.0 if self.reached(value) else 0.0
        if self.keeps:
            return 0.0
        way = (value - self.baseline) / (self.target - self.baseline)
        return round(100 * min(1.0, max(0.0, way)), 1)

    def ended(self, status: Life, at: datetime) -> "Goal":
        return replace(self, status=status, completed_at=at)


def read_goals(connection: Connection) -> list[Goal]:
    """Oldest first, without those that another system logged: they are not Grace's to judge."""
    later = GOALS.alias("later")
    superseded = sa.exists().where(
        later.c.goal_id == GOALS.c.goal_id, later.c.revision > GOALS.c.revision
    )
    query = (
        sa.select(*(GOALS.c[name] for name in Goal.__dataclass_fields__))
        .where(~superseded, GOALS.c.source.in_(OWN_SOURCES), GOALS.c.metric.is_not(None))
        .order_by(GOALS.c.created_at, GOALS.c.goal_id)
    )
    return [Goal(*row) for row in connection.execute(query)]


def list_goals(store: Store) -> list[Goal]:
    with store.reading() as connection:
        return read_goals(connection)


def find_goal(store: Store, part: str) -> Goal:
    """The one goal whose id begins or ends so. Raises BadInput when none or several do."""
    goals = list_goals(store)
    found = [each for each in goals if each.goal_id.startswith(part) or each.goal_id.endswith(part)]
    if len(found) != 1:
        said = "no goal" if not found else f"{len(found)} goals"
        raise BadInput(f"{said} with id {part!r}; see `grace goals`")
    return found[0]
