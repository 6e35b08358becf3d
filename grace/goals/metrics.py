"""What a goal can be about: every figure of the analysis, and KPIs that somebody logs."""

import re
from dataclasses import dataclass
from math import isfinite
from typing import Literal, TypeAlias

from grace.analysis.headlines import HIGHER
from grace.analysis.wording import NAMES, percent, seconds
from grace.errors import BadInput

__all__ = ["KPI", "METRICS", "PATTERNS", "Direction", "Metric", "metric_named"]

Direction: TypeAlias = Literal["higher", "lower"]
Unit: TypeAlias = Literal["share", "seconds", "number"]

KPI = "kpi:"
PATTERNS = "error_patterns_learned"
KPI_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
POINTS = 0.05  # the smallest shift of a share that is worth telling
PART = 0.05  # ... of anything else, as a part of the target


@dataclass(frozen=True)
class Metric:
    """`better` is the usual way; `counted` figures have no sampling error, `grows` never falls."""

    name: str
    label: str
    better: Direction
    unit: Unit
    counted: bool = False
    grows: bool = False

    @property
    def kpi(self) -> str | None:
        """The name it is logged by, where it is a KPI."""
        return self.name.removeprefix(KPI) if self.name.startswith(KPI) else None

    def show(self, value: float | None) -> str:
        if self.unit == "share" or value is None:
            return percent(value)
        return seconds(value) if self.unit == "seconds" else f"{value:,.4g}"

    def smallest_shift(self, target: float) -> float:
        """Less than this is noise to people: 5 points of a share, else 5 % of the target."""
        return POINTS if self.unit == "share" else PART * abs(target) or PART

    def read(self, text: str) -> float:
        """A target as people write it: 90%, 0.9, 2s, 50. Raises BadInput."""
        value = _number(text, self)
        if self.unit == "share" and not 0 <= value <= 1:
            raise BadInput(f"{self.name} is a share: write its target as 90% or 0.9, not {text}")
        return value


def _number(text: str, metric: Metric) -> float:
    plain = text.strip()
    scale = 1.0
    if metric.unit == "share" and plain.endswith("%"):
        plain, scale = plain[:-1], 0.01
    elif metric.unit == "seconds":
        plain = plain.removesuffix("s")
    try:
        value = float(plain) * scale
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise BadInput(f"{text!r} is no target for {metric.name}; write a number, as 90% or 2")
    return value


def _unit(name: str) -> Unit:
    if name.endswith("_seconds"):
        return "seconds"
    return "number" if name in ("events_per_hour", "health_score") else "share"


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *(
            Metric(name, label, "higher" if name in HIGHER else "lower", _unit(name))
            for name, label in NAMES.items()
        ),
        Metric("run_success_rate", "success rate of all runs", "higher", "share"),
        Metric("approval_rate", "approval rate of decisions", "higher", "share"),
        Metric(PATTERNS, "error patterns learned", "higher", "number", counted=True, grows=True),
    )
}


def metric_named(name: str) -> Metric:
    """Raises BadInput naming what there is."""
    if name.startswith(KPI) and KPI_NAME.fullmatch(name.removeprefix(KPI)):
        return Metric(name, name.removeprefix(KPI), "higher", "number", counted=True)
    try:
        return METRICS[name]
    except KeyError:
        known = ", ".join(METRICS)
        raise BadInput(
            f"there is no metric {name!r}; there are {known}, and kpi:SUBSYSTEM.NAME for what "
            "`grace log kpi` logs"
        ) from None
