"""Where figures are going: this window against the windows before it, taken together."""

from datetime import datetime
from typing import Literal, TypeAlias

from grace.analysis.headlines import HIGHER, Figure, FigureName
from grace.analysis.rates import Interval, Record, difference

__all__ = ["Direction", "Preceding", "Trend", "trends"]

Direction: TypeAlias = Literal["improving", "worsening", "no_clear_change", "insufficient_data"]


class Preceding(Record):
    """A window before: whole hours of the clock."""

    since: datetime
    until: datetime
    figures: tuple[Figure, ...]


class Trend(Record):
    """`before` is the figure of all preceding windows as one; the interval is the difference's."""

    name: FigureName
    value: float | None
    n: int
    before: float | None
    n_before: int
    difference: float | None
    interval: Interval | None
    direction: Direction


def trends(now: tuple[Figure, ...], before: tuple[Figure, ...]) -> tuple[Trend, ...]:
    """Improving or worsening only where the interval of the difference excludes 0."""
    return tuple(_trend(new, old) for new, old in zip(now, before, strict=True))


def _trend(new: Figure, old: Figure) -> Trend:
    changed, interval = _change(new, old)
    return Trend(
        name=new.name,
        value=new.value,
        n=new.n,
        before=old.value,
        n_before=old.n,
        difference=changed,
        interval=interval,
        direction=_direction(new.name, interval),
    )


def _change(new: Figure, old: Figure) -> tuple[float | None, Interval | None]:
    if new.value is None or old.value is None:
        return None, None
    if new.interval is None or old.interval is None:
        return new.value - old.value, None
    return difference(new.value, new.interval, old.value, old.interval)


def _direction(name: FigureName, interval: Interval | None) -> Direction:
    if interval is None:
        return "insufficient_data"
    if interval[0] <= 0 <= interval[1]:
        return "no_clear_change"
    return "improving" if (interval[0] > 0) == (name in HIGHER) else "worsening"
