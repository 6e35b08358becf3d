"""Goals as tasks: what the analysis asks for is opened, what is open is judged, all is shown."""

from collections.abc import Sequence
from datetime import datetime

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from grace.analysis.rules import load_rules
from grace.goals.charts import goal_chart
from grace.goals.evaluating import Evaluated
from grace.goals.evaluations import last_told
from grace.goals.goal import list_goals
from grace.goals.judging import judge
from grace.goals.page import MOST_CHARTS, board
from grace.goals.setting import Became, Looked, set_goals
from grace.governance.policy import load_policy
from grace.opportunities.finding import Finding, Standing
from grace.settings import Settings
from grace.store import open_store

__all__ = ["create_goals", "evaluate_goals", "publish_goals"]

STANDINGS: dict[Became, Standing] = {
    "created": "open",
    "open": "open",
    "resting": "resting",
    "forbidden": "forbidden",
    "asked": "held back",
    "quiet": "quiet",
    "watching": "watching",
}


@task
def create_goals(settings: Settings, now: datetime) -> list[Finding]:
    """Open the goals that the analysis asks for; of each metric it says what became of it."""
    looked = set_goals(open_store(settings.url), load_policy(settings), now, load_rules())
    return [_finding(each) for each in looked]


@task(cache_policy=NO_CACHE)
def evaluate_goals(settings: Settings, now: datetime) -> list[Evaluated]:
    """Judge every open goal, once a day: again on the same day only what changed is recorded."""
    return judge(open_store(settings.url), load_policy(settings), now, load_rules())


@task(cache_policy=NO_CACHE)
def publish_goals(settings: Settings, found: Sequence[Evaluated]) -> None:
    """The goal board; its newest version is the present. Pass what was found as `quote(found)`."""
    store = open_store(settings.url)
    drawn = {each.goal.goal_id: goal_chart(each) for each in found[:MOST_CHARTS]}
    charts = {goal_id: image for goal_id, image in drawn.items() if image is not None}
    name = "the sample workload" if settings.sample else f"the log {settings.log}"
    goals = list_goals(store)
    create_markdown_artifact(
        board(goals, last_told(store), found, charts, log=name),
        key=f"goals-{settings.log}",
        description=f"{sum(goal.is_open for goal in goals)} goals are open",
    )


def _finding(looked: Looked) -> Finding:
    told = "A goal is open for it from now on. " if looked.became == "created" else ""
    return Finding(
        target=f"goal:{looked.metric}",
        kind="goal",
        standing=STANDINGS[looked.became],
        reason=f"{told}{looked.reason}",
        n=looked.n,
    )
