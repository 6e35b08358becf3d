"""Charts of a window, as images that stand in a markdown page by themselves.

Scalable, without a background, in colours of middling light: readable on a light page and a dark.
"""

from base64 import b64encode
from io import StringIO
from typing import TYPE_CHECKING, Any

import pandas as pd

from grace.analysis.activity import Hour
from grace.analysis.window import Analysis

if TYPE_CHECKING:
    import altair as alt

__all__ = ["BLUE", "ORANGE", "activity_chart", "durations_chart", "image", "success_chart"]

WIDTH, HEIGHT = 640, 120
LEAST_HOURS = 6
INK, BLUE, ORANGE = "#808890", "#4c8bd0", "#d9822b"


def activity_chart(analysis: Analysis) -> str:
    """Events in each hour, as a `data:` URI."""
    import altair as alt  # takes a quarter of a second, which only pages need

    rows = [(hour.start, hour.events) for hour in _drawn(analysis)]
    bars = alt.Chart(pd.DataFrame(rows, columns=["hour", "events"])).mark_bar(color=BLUE)
    return image(bars.encode(x=_hours(), y=alt.Y("events:Q", title="events")))


def success_chart(analysis: Analysis) -> str:
    """The share of runs that succeeded in each hour, in the band of its interval."""
    import altair as alt

    rows = [
        (hour.start, hour.success.value, *(hour.success.interval or (None, None)))
        for hour in _drawn(analysis)
    ]
    frame = pd.DataFrame(rows, columns=["hour", "rate", "low", "high"])
    frame = frame.astype(dict.fromkeys(("rate", "low", "high"), "float64"))
    share = alt.Y("rate:Q", title="success rate", scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(frame).encode(x=_hours())
    band = base.mark_area(color=BLUE, opacity=0.25).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(color=BLUE).encode(y=share)
    points = alt.Chart(frame[_stand_alone(frame["rate"])]).mark_point(color=BLUE, filled=True)
    return image(band + line + points.encode(x=_hours(), y=share))


def durations_chart(analysis: Analysis) -> str:
    """Median and 95th percentile of wait and execution in each hour, on a scale that holds both."""
    import altair as alt

    drawn = [
        pd.DataFrame(
            {
                "hour": [hour.start for hour in _drawn(analysis)],
                "of": of,
                "share": share,
                "seconds": [getattr(hour, f"{of}_{share}").value for hour in _drawn(analysis)],
            }
        ).astype({"seconds": "float64"})
        for of in ("wait", "execution")
        for share in ("p50", "p95")
    ]
    colours = alt.Scale(domain=["wait", "execution"], range=[ORANGE, BLUE])
    dashes = alt.Scale(domain=["p50", "p95"], range=[[1, 0], [4, 3]])
    seconds = alt.Y(
        "seconds:Q",
        title="seconds",
        scale=alt.Scale(type="symlog", constant=0.1),
        axis=alt.Axis(values=[0, *(10.0**power for power in range(-1, 7))], format="~g"),
    )
    colour = alt.Color("of:N", title=None, scale=colours)
    dash = alt.StrokeDash("share:N", title=None, scale=dashes)
    lines = alt.Chart(pd.concat(drawn)).mark_line()
    points = alt.Chart(pd.concat([one[_stand_alone(one["seconds"])] for one in drawn])).mark_point()
    return image(
        lines.encode(x=_hours(), y=seconds, color=colour, strokeDash=dash)
        + points.encode(x=_hours(), y=seconds, color=colour)
    )


def _drawn(analysis: Analysis) -> tuple[Hour, ...]:
    """From the first hour in which something happened: a new log is no page of empty grid."""
    hours = analysis.hours
    first = next((at for at, hour in enumerate(hours) if hour.events), 0)
    return hours[max(0, min(first, len(hours) - LEAST_HOURS)) :]


def _stand_alone(values: "pd.Series[float]") -> "pd.Series[bool]":
    """Values with nothing before and after them: no line is drawn through them."""
    return values.notna() & values.shift(1).isna() & values.shift(-1).isna()


def _hours() -> "alt.X":
    import altair as alt

    # a scale in UTC, whatever the zone of the machine that draws
    return alt.X(
        "hour:T",
        title=None,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(format="%d %H:%M", tickCount=8, labelOverlap="greedy"),
    )


def image(chart: "Any") -> str:
    """Any chart in the manner of these, as a `data:` URI."""
    styled = (
        chart.configure(aria=False)  # words for each mark would be most of the size
        .properties(width=WIDTH, height=HEIGHT, background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor=INK, gridOpacity=0.25, domainColor=INK
        )
        # the plots of a page begin and end at the same places
        .configure_axisY(minExtent=30)
        .configure_legend(labelColor=INK, titleColor=INK, orient="top")
    )
    drawn = StringIO()
    styled.save(drawn, format="svg")
    return f"data:image/svg+xml;base64,{b64encode(drawn.getvalue().encode()).decode()}"
