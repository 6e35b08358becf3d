"""The figures that a window is compared by: with targets, and with the windows before it."""

from typing import Literal, TypeAlias

from grace.analysis.health import Health
from grace.analysis.merging import Merged
from grace.analysis.rates import Interval, Mean, Rate, Record
from grace.analysis.tally import EMPTY, WHOLE, Key

__all__ = ["HIGHER", "Figure", "FigureName", "headlines", "is_brief"]

FigureName: TypeAlias = Literal[
    "healing_success_rate",
    "ml_confidence",
    "prediction_accuracy",
    "execution_rate",
    "task_success_rate",
    "task_execution_seconds",
    "task_wait_seconds",
    "response_seconds",
    "events_per_hour",
    "health_score",
]
TASK_RUN = "task_run"
# where more is better; of the others less is
HIGHER: frozenset[FigureName] = frozenset(
    {
        "healing_success_rate",
        "ml_confidence",
        "prediction_accuracy",
        "execution_rate",
        "task_success_rate",
        "events_per_hour",
        "health_score",
    }
)


class Figure(Record):
    name: FigureName
    value: float | None
    interval: Interval | None
    n: int


def headlines(found: Merged, per_hour: Mean, health: Health) -> tuple[Figure, ...]:
    tasks = "response.success.type", TASK_RUN
    # of all runs, where none is told to be a task run
    suffix, part = (".type", TASK_RUN) if tasks in found.tallies else ("", WHOLE)
    success, execution, wait = (
        found.tallies.get((f"response.{name}{suffix}", part), EMPTY)
        for name in ("success", "execution", "wait")
    )
    measured: dict[FigureName, Rate | Mean] = {
        "healing_success_rate": found.rate("healing.success"),
        "ml_confidence": found.mean("learning.confidence", "logit"),
        "prediction_accuracy": found.rate("learning.accuracy"),
        "execution_rate": found.rate("autonomy.execution"),
        "task_success_rate": success.rate(),
        "task_execution_seconds": execution.mean("log"),
        "task_wait_seconds": wait.mean("log"),
        "response_seconds": found.mean("response.response", "log"),
        "events_per_hour": per_hour,
    }
    figures = [
        Figure(name=name, value=of.value, interval=of.interval, n=of.n)
        for name, of in measured.items()
    ]
    n = sum(part.n for part in health.parts)
    score = Figure(name="health_score", value=health.score, interval=health.interval, n=n)
    return (*figures, score)


def is_brief(key: Key) -> bool:
    """Whether a tally is one that headlines are made from."""
    return key[1] == WHOLE or key[0].endswith(".type")
