"""Where the gap to a goal's target lies: in which tasks, deployments, errors or decisions.

Arithmetic over two windows, not a finding of causes: of what is lacking in all, how much lies in
each part.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from grace.analysis.durations import Duration
from grace.analysis.rates import Mean, Rate
from grace.analysis.response import Timing
from grace.analysis.tables import MOST_PARTS, Table
from grace.analysis.window import Analysis
from grace.analysis.wording import percent
from grace.goals.goal import Goal
from grace.goals.metrics import Metric

__all__ = ["Part", "shortfall", "shortfall_table"]

Figures: TypeAlias = Mapping[str, Rate | Mean]


@dataclass(frozen=True)
class Part:
    """`lacking` counts what it lacks to be at the target itself: successes, or seconds too many;
    0 where it is beyond. `share` is that of all parts that lack something.
    """

    name: str
    value: float
    n: int
    before: float | None
    n_before: int
    lacking: float
    share: float


def shortfall(goal: Goal, now: Analysis, before: Analysis) -> list[Part]:
    """The parts of the goal's metric that had values, those that lack most first; none where the
    metric has no parts."""
    of = _PARTS.get(goal.metric)
    if of is None:
        return []
    earlier = of(before)
    lacking = {
        name: max(0.0, goal.sign * (goal.target - figure.value)) * figure.n
        for name, figure in of(now).items()
        if figure.value is not None
    }
    whole = sum(lacking.values())
    parts = [
        _part(name, figure, earlier.get(name), lacking[name], whole)
        for name, figure in of(now).items()
        if name in lacking
    ]
    return sorted(parts, key=lambda part: (-part.lacking, part.name))


def shortfall_table(parts: list[Part], metric: Metric, most: int = MOST_PARTS) -> Table:
    rows = tuple(
        (
            part.name,
            percent(part.share) if part.lacking else "-",
            metric.show(part.value),
            metric.show(part.before),
            f"{part.n} / {part.n_before}",
        )
        for part in parts[:most]
    )
    hidden = len(parts) - len(rows)
    title = f"Where the gap lies ({hidden} parts more)" if hidden else "Where the gap lies"
    return Table(title, ("part", "of the gap", "now", "7 days before", "n now / before"), rows)


def _part(
    name: str, now: Rate | Mean, before: Rate | Mean | None, lacks: float, whole: float
) -> Part:
    assert now.value is not None  # else it lacks nothing that is known
    return Part(
        name=name,
        value=now.value,
        n=now.n,
        before=before.value if before else None,
        n_before=before.n if before else 0,
        lacking=lacks,
        share=lacks / whole if whole else 0.0,
    )


def _tasks(of: Callable[[Timing], Rate | Duration]) -> Callable[[Analysis], Figures]:
    """Of task runs alone, by which the headline figures of tasks are counted."""
    return lambda analysis: {
        name: _figure(of(timing)) for name, timing in analysis.response.by_task.items()
    }


def _runs(of: Callable[[Timing], Rate | Duration]) -> Callable[[Analysis], Figures]:
    """Of task runs and of all else, which is told apart by its deployment."""
    return lambda analysis: {
        f"{kind} {name}": _figure(of(timing))
        for kind, timings in (
            ("task", analysis.response.by_task),
            ("deployment", analysis.response.by_deployment),
        )
        for name, timing in timings.items()
    }


def _figure(of: Rate | Duration) -> Rate | Mean:
    return of.mean if isinstance(of, Duration) else of


_PARTS: dict[str, Callable[[Analysis], Figures]] = {
    "healing_success_rate": lambda analysis: analysis.healing.by_error_type,
    "execution_rate": lambda analysis: analysis.autonomy.by_decision_type,
    "task_success_rate": _tasks(lambda timing: timing.success),
    "task_execution_seconds": _tasks(lambda timing: timing.execution),
    "task_wait_seconds": _tasks(lambda timing: timing.wait),
    "run_success_rate": _runs(lambda timing: timing.success),
    "response_seconds": _runs(lambda timing: timing.response),
}
