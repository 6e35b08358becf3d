"""The looks at experiments that a person began; the governance sweep takes them."""

from datetime import datetime

from prefect import task

from grace.experiments.looking import take_look
from grace.experiments.register import list_experiments
from grace.settings import Settings
from grace.store import open_store

__all__ = ["look_at_experiments"]


@task
def look_at_experiments(settings: Settings, now: datetime) -> list[str]:
    """Take every look that is due; the names of the experiments that ended by it."""
    store = open_store(settings.url)
    ended = []
    for standing in list_experiments(store):
        seen = take_look(store, standing, now)
        if seen and seen.verdict:
            ended.append(standing.name)
    return ended
