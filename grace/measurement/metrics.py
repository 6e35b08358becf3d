"""What is measured: each metric with its unit, so that every page says it the same way."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Metric", "MetricName", "metric"]

MetricName = Literal[
    "mean excess wait",
    "mean execution time",
    "share of runs that fail so",
    "share of runs that fail",
    "task success rate",
    "healing success rate",
    "mean confidence",
    "execution rate",
    "activity",
    "overconfidence",
    "underconfidence",
]


@dataclass(frozen=True)
class Metric:
    """`least_effect` is the smallest effect of interest where nothing was seen yet.

    A *gap* is a difference d of two shares, in [-1, 1], kept as (1 + d) / 2.
    """

    name: MetricName
    unit: Literal["s", "share", "gap"]
    better: Literal["lower", "higher"]
    least_effect: float

    @property
    def span(self) -> float | None:
        """The width of the range of a unit's value, None where it has no upper end."""
        return None if self.unit == "s" else 1.0

    def show(self, value: float) -> str:
        """A value as people read it: 5.20 s, 12.5 %, 8.0 points."""
        if self.unit == "gap":
            return f"{200 * value - 100:.1f} points"
        return f"{value:.2f} s" if self.unit == "s" else f"{100 * value:.1f} %"

    def show_change(self, value: float) -> str:
        """A difference, with its sign: +1.20 s, -12.5 points."""
        scale = 200 if self.unit == "gap" else 100
        return f"{value:+.2f} s" if self.unit == "s" else f"{scale * value:+.1f} points"

    def smallest_effect(self, share: float, mean: float | None) -> float:
        """A share of the mean that was seen, for a gap of its distance from none at all."""
        if not mean:
            return self.least_effect
        distance = abs(mean - 0.5) if self.unit == "gap" else mean
        return share * distance or self.least_effect


_METRICS = (
    Metric("mean excess wait", "s", "lower", 0.5),
    Metric("mean execution time", "s", "lower", 0.5),
    Metric("share of runs that fail so", "share", "lower", 0.01),
    Metric("share of runs that fail", "share", "lower", 0.01),
    Metric("task success rate", "share", "higher", 0.01),
    Metric("healing success rate", "share", "higher", 0.01),
    Metric("mean confidence", "share", "higher", 0.01),
    Metric("execution rate", "share", "higher", 0.01),
    Metric("activity", "share", "higher", 0.05),
    Metric("overconfidence", "gap", "lower", 0.005),
    Metric("underconfidence", "gap", "lower", 0.005),
)


def metric(name: str) -> Metric:
    """Raises KeyError for a metric that Grace does not measure."""
    return {each.name: each for each in _METRICS}[name]  # type: ignore[index]
