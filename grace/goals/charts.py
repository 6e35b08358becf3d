"""A goal as a picture: its value day by day, its target, and the band of the forecast."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from grace.analysis.charts import BLUE, ORANGE, image
from grace.goals.evaluating import Evaluated

if TYPE_CHECKING:
    import altair as alt

__all__ = ["goal_chart"]

SHOWN_DAYS = 60


def goal_chart(found: Evaluated) -> str | None:
    """As a `data:` URI; None where there is no value to draw."""
    import altair as alt

    daily = found.seen.daily.iloc[-SHOWN_DAYS:].dropna()
    if daily.empty:
        return None
    scale = 100 if found.seen.metric.unit == "share" else 1
    unit = {"share": "%", "seconds": "seconds", "number": None}[found.seen.metric.unit]
    value = alt.Y("value:Q", title=unit, scale=alt.Scale(zero=False))
    days = pd.DataFrame({"day": daily.index, "value": scale * daily.to_numpy()})
    line = alt.Chart(days).mark_line(color=BLUE, point=True).encode(x=_days(), y=value)
    layers: list[Any] = [*_band(found, scale, value), line, _target(found, scale, value)]
    return image(alt.layer(*layers))


def _band(found: Evaluated, scale: float, value: "alt.Y") -> "list[Any]":
    import altair as alt

    if found.ahead is None:
        return []
    rows = [
        (
            pd.Timestamp(step.day, tz="UTC"),
            *(scale * each for each in (step.value, step.low, step.high)),
        )
        for step in found.ahead.path
    ]
    steps = alt.Chart(pd.DataFrame(rows, columns=["day", "value", "low", "high"])).encode(x=_days())
    band = steps.mark_area(color=BLUE, opacity=0.25).encode(y=alt.Y("low:Q"), y2="high:Q")
    return [band, steps.mark_line(color=BLUE, strokeDash=[4, 3]).encode(y=value)]


def _target(found: Evaluated, scale: float, value: "alt.Y") -> "Any":
    """From its making to its deadline."""
    import altair as alt

    goal = found.goal
    ends = pd.DataFrame(
        {"day": [goal.created_at, goal.deadline], "value": 2 * [scale * goal.target]}
    )
    return alt.Chart(ends).mark_line(color=ORANGE).encode(x=_days(), y=value)


def _days() -> "alt.X":
    import altair as alt

    return alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%d %b"))
