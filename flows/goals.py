"""The daily engine of goals: open those that the analysis asks for, judge those that are open."""

from datetime import UTC, datetime
from typing import Any

from prefect import State, flow
from prefect.utilities.annotations import quote

from grace.settings import Settings
from tasks.goals import create_goals, evaluate_goals, publish_goals
from tasks.ingest_prefect import ingest_prefect_runs
from tasks.ledger import sign_ledger
from tasks.opportunities import check_none_failed, record_cycle

__all__ = ["autonomous_goal_setting"]


@flow(name="autonomous-goal-setting", retries=0, log_prints=True)
def autonomous_goal_setting() -> None:
    """Sets goals by what the log says, and says of every open goal how it stands and will end.

    A goal for which nothing is asked, or which the policy forbids, says so in
    `grace status --why goal:METRIC`. Again on the same day it records only what has changed.
    """
    settings = Settings()
    began = datetime.now(UTC)
    parts: list[State[Any]] = [
        ingest_prefect_runs(settings, began, return_state=True),
        created := create_goals(settings, began, return_state=True),
        judged := evaluate_goals(settings, began, return_state=True),
    ]
    findings = created.result() if created.is_completed() else []
    evaluated = judged.result() if judged.is_completed() else []
    if judged.is_completed():
        parts.append(publish_goals(settings, quote(evaluated), return_state=True))
    for each in evaluated:
        print(f"{each.goal.title}: {each.status.replace('_', ' ')}")
    ended = sum(each.ends is not None for each in evaluated)
    outcome = f"{len(evaluated)} goals judged, {ended} at their end"
    record_cycle(settings, "goals", began, datetime.now(UTC), findings, outcome)
    sign_ledger(settings)
    check_none_failed(parts, findings)
