"""Goals that the engine sets: when they are asked for, once, and through governance."""

import os
import sys
from contextlib import ExitStack
from subprocess import PIPE

import numpy as np
import pytest

from grace.goals.asking import WANTED
from grace.goals.goal import list_goals
from grace.goals.judging import came_true
from grace.goals.people import close_by_hand
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store.read import newest
from tests.children import child
from tests.goals.conftest import COVERAGE, DAY, Log
from tests.ruling import a_policy, a_rule

HEALING = "healing_success_rate"


def test_what_surely_falls_short_becomes_a_goal(log: Log) -> None:
    """Healing works in 70 of 100: a goal of 90 % in 30 days, with what was seen as its baseline."""
    log.healing([(70, 100)] * 8)
    looked = log.set()
    assert looked[HEALING].became == "created"
    (goal,) = list_goals(log.store)
    assert (goal.target, goal.deadline - goal.created_at, goal.priority) == (0.9, 30 * DAY, "high")
    assert goal.baseline == pytest.approx(0.70)
    assert (goal.auto_created, goal.category, goal.created_by) == (True, "autonomous", "grace")


def test_noise_asks_for_no_goal(log: Log) -> None:
    """89 of 100 may well be 90 %: the interval holds the target."""
    log.healing([(10, 10)] * 4 + [(8, 10)] * 4)
    looked = log.set()[HEALING]
    assert (looked.became, list_goals(log.store)) == ("watching", [])
    assert "not surely short" in looked.reason


def test_a_goal_that_is_open_is_not_created_again(log: Log) -> None:
    log.healing([(70, 100)] * 8)
    log.set()
    log.days(1)
    assert log.set()[HEALING].became == "open"
    assert len(list_goals(log.store)) == 1


def test_a_persons_goal_on_the_metric_is_enough(log: Log) -> None:
    log.healing([(70, 100)] * 8)
    log.add(HEALING, "75%")
    assert log.set()[HEALING].became == "open"
    assert [goal.category for goal in list_goals(log.store)] == ["own"]


RIVAL = """
import sys
from contextlib import contextmanager
from datetime import datetime
from grace.analysis.rules import Rules
from grace.goals.setting import set_goals
from grace.governance.policy import load_policy
from grace.settings import Settings
from grace.store import Store, open_store

class Told(Store):
    @contextmanager
    def writing(self, now):
        print("writes", flush=True)
        with super().writing(now) as writer:
            yield writer

settings = Settings()
store, policy = Told(open_store(settings.url).engine), load_policy(settings)
set_goals(store, policy, datetime.fromisoformat(sys.argv[1]), Rules())
"""


def test_two_processes_at_once_create_one_goal(log: Log, settings: Settings) -> None:
    """Both find that it is asked for before either may write; the log still verifies."""
    log.healing([(70, 100)] * 8)
    log.seen(HEALING)
    command = [sys.executable, "-c", RIVAL, log.now.isoformat()]
    environment = {**os.environ, "GRACE_DATA_DIR": str(settings.data_dir)}
    with ExitStack() as ends:
        with log.store.writing(log.now):
            rivals = [
                ends.enter_context(child(command, env=environment, stdout=PIPE)) for _ in range(2)
            ]
            for each in rivals:
                assert each.stdout is not None
                assert each.stdout.readline() == "writes\n"
        assert [each.wait() for each in rivals] == [0, 0]
    assert [goal.metric for goal in list_goals(log.store)] == [HEALING]
    assert verify(settings, log.store).ok


def test_the_pass_through_governance_is_recorded(log: Log) -> None:
    log.healing([(70, 100)] * 8)
    goal = log.set()[HEALING].goal
    (decision,) = newest(log.store, "decisions").itertuples()
    assert (decision.question, decision.answer) == ("may it be done", "permit")
    assert decision.decision_id == f"create_goal/{goal.goal_id}"
    assert log.events(goal) == ["goal.created"]


def test_a_forbidden_goal_is_not_created_and_says_so(log: Log) -> None:
    """Once a day in the record, however often the engine runs."""
    rule = a_rule("forbid", 'resource.name == "healing_success_rate"', "not ours", "create_goal")
    log.policy = a_policy(rule)
    log.healing([(70, 100)] * 8)
    for _ in range(2):
        looked = log.set()[HEALING]
        assert looked.became == "forbidden"
        assert "not ours" in looked.reason
    assert list_goals(log.store) == []
    assert newest(log.store, "decisions")["answer"].tolist() == ["forbid"]


def test_where_no_rule_permits_it_a_person_is_told_how(log: Log) -> None:
    log.policy = a_policy()
    log.healing([(70, 100)] * 8)
    looked = log.set()[HEALING]
    assert (looked.became, list_goals(log.store)) == ("asked", [])
    assert "grace goals add healing_success_rate" in looked.reason


def test_a_goal_that_a_person_closed_rests(log: Log) -> None:
    """For as long as a rejected proposal does: 7 days by default."""
    log.healing([(70, 100)] * 8)
    goal = log.set()[HEALING].goal
    close_by_hand(log.store, log.policy, log.now, goal.goal_id, by="ann", reason="not now")
    log.days(1)
    assert log.set()[HEALING].became == "resting"
    log.days(7)
    log.healing([(70, 100)] * 8)
    assert log.set()[HEALING].became == "created"


def test_test_coverage_is_a_goal_only_where_it_is_logged_and_low(log: Log) -> None:
    assert log.set()[COVERAGE].became == "watching"
    log.kpi([83.2])
    assert log.set()[COVERAGE].became == "quiet"
    log.days(0.1)
    log.kpi([71.5])
    created = log.set()[COVERAGE]
    assert created.goal.title == "Test coverage of 80 %"
    assert created.goal.baseline == 71.5


def test_each_of_the_five_has_its_terms() -> None:
    terms = {each.metric: (each.target, each.days, each.priority) for each in WANTED}
    assert terms == {
        "healing_success_rate": (0.90, 30, "high"),
        "error_patterns_learned": (50, 60, "medium"),
        "execution_rate": (0.85, 45, "high"),
        "response_seconds": (2.0, 30, "medium"),
        "kpi:quality.test_coverage": (80, 90, "high"),
    }


def falling(rng: np.random.Generator) -> list[float]:
    """Forty days from 92 down to 82, a quarter of a point a day."""
    return list(92 - 0.25 * np.arange(40) + rng.normal(0, 0.3, 40))


def test_what_will_leave_its_target_becomes_a_predictive_goal(log: Log) -> None:
    log.kpi(falling(np.random.default_rng(3)))
    looked = log.set()[COVERAGE]
    assert (looked.became, looked.goal.category) == ("created", "predictive")
    assert looked.goal.deadline - log.now == 14 * DAY
    assert looked.goal.keeps
    assert "leaves it within 14 days with a chance of" in looked.reason


def test_what_is_steady_within_its_target_becomes_none(log: Log) -> None:
    log.kpi(list(92 + np.random.default_rng(3).normal(0, 0.3, 40)))
    assert log.set()[COVERAGE].became == "quiet"


@pytest.mark.parametrize(("last", "true"), [(78.0, 1), (88.0, 0)])
def test_how_often_predictive_goals_came_true_is_counted(log: Log, last: float, true: int) -> None:
    """It came true where the metric is out of its target at the end; else it did not."""
    log.kpi(falling(np.random.default_rng(3)))
    log.set()
    log.days(14.1)
    log.kpi([last])
    log.judge()
    assert came_true(list_goals(log.store)) == (true, 1)
