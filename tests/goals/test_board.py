"""The goal board as a page: tables, words and a chart a goal."""

from base64 import b64decode

import numpy as np

from grace.goals.charts import goal_chart
from grace.goals.evaluations import last_told
from grace.goals.goal import list_goals
from grace.goals.page import board, goal_row
from grace.markdown import plain
from tests.goals.conftest import Log


def page(log: Log) -> str:
    found = list(log.judge().values())
    charts = {each.goal.goal_id: goal_chart(each) for each in found}
    told = last_told(log.store)
    return board(list_goals(log.store), told, found, charts, log="main")


def test_each_open_goal_stands_there_with_its_words_and_its_chart(log: Log) -> None:
    log.kpi(list(60 + np.random.default_rng(1).normal(0, 1, 40)))
    goal = log.add(title="Cover | more", days=40)
    shown = page(log)
    assert "1 open, 0 met" in shown
    assert f"| {plain(goal.title)} | at risk |" in shown
    assert f"(`{goal.goal_id[-12:]}`, own)" in shown
    assert "Cover | more" not in shown
    assert "short of its target of at least 80" in shown
    image = shown.partition("data:image/svg+xml;base64,")[2].partition(")")[0]
    assert b64decode(image).startswith(b"<svg")


def test_the_chart_holds_value_target_and_band(log: Log) -> None:
    """Two lines of values and forecast, the band as an area, and the target."""
    log.kpi(list(60 + np.random.default_rng(1).normal(0, 1, 40)))
    log.add(days=40)
    (found,) = log.judge().values()
    drawn = b64decode(goal_chart(found).partition("base64,")[2]).decode()
    assert drawn.count("mark-area") >= 1
    assert drawn.count("mark-line") >= 3


def test_a_goal_without_data_has_no_chart(log: Log) -> None:
    log.add()
    (found,) = log.judge().values()
    assert goal_chart(found) is None
    assert "nothing is known yet" in page(log)


def test_goals_that_ended_are_below(log: Log) -> None:
    log.kpi([70.0])
    log.add(title="Cover more")
    log.days(1)
    log.kpi([85.0])
    log.judge()
    shown = page(log)
    assert "No goal is open." in shown
    assert "## Ended" in shown
    assert "| Cover more | met | 85 | at least 80 | 100 % |" in shown


def test_what_programs_read_has_the_promised_names(log: Log) -> None:
    log.kpi([70.0])
    goal = log.add()
    log.judge()
    row = goal_row(goal, last_told(log.store)[goal.goal_id])
    assert (
        row
        | {
            "id": goal.goal_id,
            "title": "quality.test_coverage: at least 80",
            "metric": "kpi:quality.test_coverage",
            "value": 70.0,
            "target": 80.0,
            "status": "on_track",
            "p_met": None,
            "deadline": goal.deadline,
        }
        == row
    )
