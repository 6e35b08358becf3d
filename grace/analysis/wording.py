"""Figures in words, the same on the page and on the command line."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

from grace.analysis.headlines import FigureName
from grace.analysis.health import Health
from grace.analysis.learning import Learning

__all__ = [
    "NAMES",
    "NONE",
    "amount",
    "health_words",
    "interval_words",
    "learning_words",
    "percent",
    "seconds",
    "seconds_to_words",
    "to_words",
    "window_words",
]

Shown: TypeAlias = Callable[[float], str]

NONE = "-"


NAMES: dict[FigureName, str] = {
    "healing_success_rate": "healing success rate",
    "ml_confidence": "mean stated confidence",
    "prediction_accuracy": "accuracy of predictions",
    "execution_rate": "execution rate of decisions",
    "task_success_rate": "task success rate",
    "task_execution_seconds": "mean execution time of tasks",
    "task_wait_seconds": "mean queue wait of tasks",
    "response_seconds": "mean response time",
    "events_per_hour": "events an hour",
    "health_score": "health score",
}


def amount(name: FigureName, value: float) -> str:
    """A headline figure in its unit."""
    if name.endswith("_seconds"):
        return seconds(value)
    if name in ("events_per_hour", "health_score"):
        return f"{value:.1f}"
    return percent(value)


def interval_words(name: FigureName, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return "too few units for an interval"
    return f"95 % {to_words(interval, lambda end: amount(name, end))}"


def to_words(interval: tuple[float, float | None] | None, shown: Shown) -> str:
    """Low to high; a quantile of few units may have no upper limit."""
    if interval is None:
        return NONE
    if interval[0] == interval[1]:
        return "exact"
    return f"{shown(interval[0])} to {'?' if interval[1] is None else shown(interval[1])}"


def percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.1f} %"


def seconds(value: float | None) -> str:
    """Three digits that count, whatever the size."""
    if value is None:
        return NONE
    return f"{value:,.0f} s" if value >= 99.95 else f"{value:.3g} s"


def seconds_to_words(interval: tuple[float, float | None] | None) -> str:
    """The unit once, for columns that are narrow."""
    words = to_words(interval, lambda end: seconds(end).removesuffix(" s"))
    return f"{words} s" if " to " in words else words


def window_words(since: datetime, until: datetime) -> str:
    ends = (f"{end.astimezone(UTC):%Y-%m-%d %H:%M}" for end in (since, until))
    return f"{' to '.join(ends)} UTC"


def health_words(health: Health) -> str:
    if health.score is None:
        return "Health: insufficient data"
    limits = to_words(health.interval, lambda end: f"{end:.0f}")
    interval = f" (95 % {limits})" if " to " in limits else ""
    left_out = [part.name for part in health.parts if part.value is None]
    without = f", without {' and '.join(left_out)}: no data" if left_out else ""
    return f"Health: {health.score:.0f} of 100{interval}, grade {health.grade}{without}"


def learning_words(learning: Learning) -> str:
    """Patterns, and whether what is stated is earned."""
    told = (
        f"Error patterns: {learning.patterns_learned} learned in this window, "
        f"{learning.patterns} in the library."
    )
    calibration = learning.calibration
    if calibration.error is None:
        return told
    brier = (
        "" if calibration.brier.value is None else f"Brier score {calibration.brier.value:.3f}, "
    )
    limits = to_words(calibration.error_interval, percent)
    return (
        f"{told} Stated confidence: {calibration.standing.replace('_', ' ')}; {brier}calibration "
        f"error {percent(calibration.error)} (95 % {limits}, n {calibration.n})."
    )
