"""What `improve_ml_confidence` may turn, and how the last retraining that Grace started stands."""

from datetime import datetime

from grace.actions.action import last_action_on
from grace.errors import BadInput, Unreachable
from grace.opportunities.improve_ml_confidence import KIND, Means
from grace.store.read import first_time
from tasks.levers.run_deployment import RunDeployment, Started
from tasks.search import Search

__all__ = ["means_of", "origin_of"]


def means_of(search: Search) -> Means:
    """What governance names, with the levers of the search's desk."""
    last = _last_run(search)
    return Means(
        learning=search.policy.learning,
        lever=search.desk.lever,
        against=lambda target: search.standing(KIND, target),
        last_run=_told(last) if last else None,
        is_running=last is not None and last.ended_at is None,
    )


def origin_of(search: Search) -> datetime:
    """Where the streams of models begin: with the log, the last change of what is named, or the
    end of the last retraining, whichever is latest.

    Evidence of the model as it was before is none of the one that came out of the training.
    """
    actions = [last_action_on(search.store, target) for target in _targets(search)]
    begun = [each.finished_at for each in actions if each]
    last = _last_run(search)
    if last and last.ended_at:
        begun.append(last.ended_at)
    return max(begun, default=first_time(search.store, "ml_learning_logs") or search.now)


def _targets(search: Search) -> list[str]:
    learning = search.policy.learning
    found = []
    if learning.retrain:
        found.append(f"run:{learning.retrain}")
    if learning.threshold_variable:
        found.append(f"variable:{learning.threshold_variable}")
    return found


def _last_run(search: Search) -> Started | None:
    """Prefect is asked only where this log says that there was one."""
    named = search.policy.learning.retrain
    if named is None or last_action_on(search.store, f"run:{named}") is None:
        return None
    try:
        return RunDeployment(search.settings).last_run(f"run:{named}")
    except Unreachable:
        raise
    except BadInput:  # the deployment is gone, which the case for it tells
        return None


def _told(last: Started) -> str:
    if last.ended_at is None:
        return last.state
    return f"{last.state} on {last.ended_at:%Y-%m-%d %H:%M} UTC"
