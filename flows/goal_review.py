"""What happens when a goal goes off its track: somebody is told why, and the engine looks."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from grace.settings import Settings
from tasks.ledger import sign_ledger
from tasks.reviews import review_goal

__all__ = ["goal_review"]


@flow(name="goal-review", retries=0, log_prints=True)
def goal_review(event_index: Annotated[int, Field(ge=0)]) -> str:
    """Shows what a goal lacks, in which part of its figure, and what is open about it; tells it by
    the notification block; and starts the engine that looks for what would help.

    Started by the event `grace.goal.off_track`; once for each, however often it is delivered.

    Args:
        event_index: The ledger index of the event, as `grace mesh listen goal.off_track` says.
    """
    settings = Settings()
    came_to = review_goal(settings, event_index)
    print(came_to)
    sign_ledger(settings)
    return came_to
