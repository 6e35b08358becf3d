"""A log that is filled day by day, and the day on which somebody looks at it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from grace.analysis.rules import Rules
from grace.goals.evaluating import Evaluated
from grace.goals.goal import Goal, list_goals
from grace.goals.history import Seen, observe
from grace.goals.judging import judge
from grace.goals.kpis import kpi_row
from grace.goals.people import add_goal
from grace.goals.setting import Looked, set_goals
from grace.governance.policy import Policy
from grace.store import Store
from grace.store.read import newest
from tests.proposing import NOON
from tests.ruling import a_policy, a_rule

DAY = timedelta(days=1)
COVERAGE = "kpi:quality.test_coverage"
PERMIT = a_rule("permit", "context.autonomous", "its own", "create_goal")
PERMIT_END = a_rule("permit", "context.autonomous", "its own", "close_goal")


@dataclass
class Log:
    """`now` moves on only by `days`; `policy` permits the engine's own goals, as the default."""

    store: Store
    now: datetime = NOON
    policy: Policy = field(default_factory=lambda: a_policy(PERMIT, PERMIT_END))
    rows: int = 0

    def healing(self, of_days: Sequence[tuple[int, int]], last: int = 1) -> None:
        """Successes and attempts of one day after the other, the last so many days ago."""
        rows = []
        for ago, (good, attempts) in enumerate(reversed(of_days), last):
            at = self.now - ago * DAY
            for number in range(attempts):
                self.rows += 1
                moment = at + timedelta(minutes=7 * number % 600)
                # failures lie evenly among the successes
                worked = (number + 1) * good // attempts > number * good // attempts
                rows.append(self._attempt(moment, worked))
        with self.store.writing(self.now) as writer:
            writer.append("healing_attempts", rows, source="governed")

    def _attempt(self, at: datetime, good: bool) -> dict[str, object]:
        name = f"a-{self.rows}"
        return {"attempt_id": name, "error_type": "E", "attempted_at": at, "success": good}

    def kpi(self, values: Iterable[float], name: str = "quality.test_coverage") -> None:
        """One a day, the last of them today."""
        found = list(values)
        rows = [
            kpi_row(name, value, self.now - ago * DAY) for ago, value in enumerate(reversed(found))
        ]
        with self.store.writing(self.now) as writer:
            writer.append("data_cube", rows)

    def days(self, count: float) -> None:
        self.now += count * DAY

    def seen(self, metric: str) -> Seen:
        return observe(self.store, self.now, Rules(), [metric])[metric]

    def set(self) -> dict[str, Looked]:
        looked = set_goals(self.store, self.policy, self.now, Rules())
        return {each.metric: each for each in looked}

    def add(self, metric: str = COVERAGE, target: str = "80", days: float = 30, **more) -> Goal:
        return add_goal(
            self.store,
            self.policy,
            Rules(),
            self.now,
            metric=metric,
            target=target,
            deadline=self.now + days * DAY,
            by="ann",
            **more,
        )

    def judge(self) -> dict[str, Evaluated]:
        found = judge(self.store, self.policy, self.now, Rules())
        return {each.goal.goal_id: each for each in found}

    def goals(self) -> dict[str, Goal]:
        return {goal.goal_id: goal for goal in list_goals(self.store)}

    def events(self, goal: Goal) -> list[str]:
        frame = newest(self.store, "trigger_mesh_logs", resource=f"goal/{goal.goal_id}")
        return frame["event_type"].tolist()

    def size(self) -> int:
        with self.store.reading() as connection:
            return connection.exec_driver_sql("SELECT size FROM ledger_head").scalar_one()


@pytest.fixture
def log(store: Store) -> Log:
    return Log(store)
