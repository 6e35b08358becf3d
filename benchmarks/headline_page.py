"""The headline's chart and tables, from its figures: `python -m benchmarks.headline_page FILE`.

With `--docs` the chart goes to docs/images, and the tables replace what stands between the marks of
docs/performance.md and README.md.
"""

import argparse
import json
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import table
from grace.settings import PROJECT

__all__ = ["draw", "headline_lines", "replaced", "tables"]

# as in grace.analysis.charts: readable on a light page and on a dark one
INK, BLUE, ORANGE, GREEN = "#808890", "#4c8bd0", "#d9822b", "#3fa66b"
WIDTH = 640
MARKS = {"wrong": ("set wrong", ORANGE), "found": ("found by Grace", BLUE), "best": ("best", GREEN)}
SHOWN = {
    "proposed": "proposed",
    "raise applied": "approved, applied",
    "raise judged": "kept",
    "harm applied": "harmful change applied",
    "harm judged": "undone",
    "sweep begun": "sweep",
}
METRICS = {"execution": "mean execution", "excess_wait": "mean excess wait"}

Found = dict[str, Any]


def draw(found: Found, file: Path) -> None:
    """Writes an SVG, or a PNG where the file is called so."""
    import altair as alt

    chart = alt.vconcat(_sweep(found), _timeline(found)).resolve_scale(color="independent")
    styled = (
        chart.configure(background="transparent")
        .configure_view(stroke=None)
        .configure_title(color=INK, anchor="start", fontSize=13)
        .configure_axis(
            labelColor=INK, titleColor=INK, gridColor=INK, gridOpacity=0.25, domainColor=INK
        )
        .configure_legend(labelColor=INK, titleColor=INK)
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    styled.save(str(file))


def _sweep(found: Found) -> Any:
    import altair as alt

    rows = pd.DataFrame([{"limit": r["limit"], **r["execution"]} for r in found["sweep"]])
    x = alt.X("limit:Q", title="tag limit", axis=alt.Axis(values=list(rows["limit"]), grid=False))
    y = alt.Y("mean:Q", title="execution, s", scale=alt.Scale(zero=True))
    base = alt.Chart(rows).encode(x=x)
    line = base.mark_line(color=INK).encode(y=y)
    bars = base.mark_rule(color=INK).encode(y=alt.Y("low:Q", title="execution, s"), y2="high:Q")
    marked = _marked(found, rows)
    names = list(marked["is"])
    colour = alt.Color(
        "is:N",
        title=None,
        scale=alt.Scale(domain=names, range=list(marked["colour"])),
        legend=alt.Legend(orient="top-right"),
    )
    points = alt.Chart(marked).mark_point(filled=True, size=110, opacity=1)
    title = "Execution of a flow run under each limit: mean and 95 % interval"
    return (line + bars + points.encode(x=x, y=y, color=colour)).properties(
        width=WIDTH, height=200, title=title
    )


def _marked(found: Found, rows: pd.DataFrame) -> pd.DataFrame:
    """One point for each limit that means something; what is the same has one name."""
    by_limit: dict[int, list[str]] = {}
    for name in MARKS:
        by_limit.setdefault(found["limits"][name], []).append(name)
    means = rows.set_index("limit")["mean"]
    return pd.DataFrame(
        [
            {
                "limit": limit,
                "mean": means[limit],
                "is": ", ".join(MARKS[name][0] for name in names) + f": {limit}",
                "colour": MARKS[names[0]][1],
            }
            for limit, names in by_limit.items()
        ]
    )


def _timeline(found: Found) -> Any:
    import altair as alt

    begun = pd.Timestamp(found["begun"])
    runs = pd.DataFrame(found["runs"])
    runs["minute"] = (pd.to_datetime(runs["ended"]) - begun).dt.total_seconds() / 60
    runs["of"] = runs["limit"].map(lambda limit: "sweep" if limit else "workload")
    events = pd.DataFrame(
        [
            {
                "minute": (pd.Timestamp(e["at"]) - begun).total_seconds() / 60,
                "what": SHOWN[e["name"]],
            }
            for e in found["events"]
            if e["name"] in SHOWN
        ]
    )
    x = alt.X("minute:Q", title="minutes since the start")
    colour = alt.Color(
        "of:N",
        title=None,
        scale=alt.Scale(domain=["workload", "sweep"], range=[BLUE, INK]),
        legend=alt.Legend(orient="right"),
    )
    points = (
        alt.Chart(runs)
        .mark_point(filled=True, size=22, opacity=0.8)
        .encode(x=x, y=alt.Y("execution:Q", title="execution, s"), color=colour)
    )
    base = alt.Chart(events)
    rules = base.mark_rule(color=ORANGE, strokeDash=[4, 3]).encode(x="minute:Q")
    words = base.mark_text(color=INK, angle=270, align="right", dx=-4, dy=-6, fontSize=10).encode(
        x="minute:Q", y=alt.value(0), text="what:N"
    )
    title = "Each flow run, as the limit is found, measured, misused and swept"
    return (points + rules + words).properties(width=WIDTH, height=200, title=title)


def tables(found: Found) -> str:
    """What docs/performance.md shows."""
    return "\n\n".join([_about(found), _bars(found), _changes(found), _sweep_table(found)])


def _about(found: Found) -> str:
    at, minutes = found["begun"][:16].replace("T", " "), _minutes(found)
    told = found["settings"]
    label = f" {found['label']}" if found.get("label") else ""
    return (
        f"One run, begun {at} UTC, {minutes:.0f} minutes on {told['cores']} cores (load at the end "
        f"{told['load_at_end']:.1f}).{label}"
    )


def _minutes(found: Found) -> float:
    begun, ended = (datetime.fromisoformat(found[name]) for name in ("begun", "ended"))
    return (ended - begun).total_seconds() / 60


def _bars(found: Found) -> str:
    rows = [
        (bar["name"], bar["bar"], bar["figure"], "met" if bar["met"] else "**missed**")
        for bar in found["bars"]
    ]
    return table(("what", "bar", "figure", ""), rows)


def _changes(found: Found) -> str:
    rows = [
        (
            METRICS[one["metric"]],
            place,
            _seconds(one["before"]),
            _seconds(one["after"]),
            _change(one, 1),
        )
        for place, changes in found["changes"].items()
        for one in changes
    ]
    limits = found["limits"]
    before, after = f"limit {limits['wrong']}", f"limit {limits['found']}"
    return table(("a flow run's", "compared", before, after, "change (95 %)"), rows)


def _change(change: Found, places: int) -> str:
    share = f"{change['share']:+.{places}%}"
    if change["low"] is None:
        return f"{share}, no interval"
    return f"{share} ({change['low']:+.{places}%} to {change['high']:+.{places}%})"


def _sweep_table(found: Found) -> str:
    limits = found["limits"]
    rows = [
        (
            str(row["limit"]),
            _seconds(row["execution"]),
            _seconds(row["excess_wait"]),
            ", ".join(MARKS[name][0] for name in MARKS if limits[name] == row["limit"]),
        )
        for row in found["sweep"]
    ]
    return table(("limit", "mean execution (95 %)", "mean excess wait (95 %)", ""), rows)


def _seconds(sample: Found) -> str:
    if sample["low"] is None:
        return f"{sample['mean']:.2f} s, n = {sample['n']}"
    return (
        f"{sample['mean']:.2f} s ({sample['low']:.2f} to {sample['high']:.2f}), n = {sample['n']}"
    )


def headline_lines(found: Found) -> str:
    """The three figures of README.md."""
    execution, wait = found["changes"]["before Grace and after"]
    limits = found["limits"]
    means = {row["limit"]: row["execution"]["mean"] for row in found["sweep"]}
    ratio = means[limits["found"]] / means[limits["best"]]
    label = f"\n\n{found['label']}" if found.get("label") else ""
    return (
        f"- Execution **{_change(execution, 0)}**: {execution['before']['mean']:.1f} s to "
        f"{execution['after']['mean']:.1f} s a flow run, limit {limits['wrong']} to "
        f"{limits['found']}.\n"
        f"- Excess wait **{_change(wait, 0)}**: {wait['before']['mean']:.1f} s to "
        f"{wait['after']['mean']:.1f} s. In brackets the 95 % interval, by flow run.\n"
        f"- Execution at the value found is **{ratio:.2f} times the best** of a sweep over "
        f"{len(means)} limits, which is {limits['best']}. The harmful change was "
        f"{_fate(found)}.{label}"
    )


def _fate(found: Found) -> str:
    harm = found["proposals"]["harm"]
    return f"judged *{harm['verdict']}* and {harm['state'].replace('_', ' ')} by Grace itself"


def replaced(text: str, name: str, new: str) -> str:
    """A page with what stands between its marks replaced. Raises ValueError where it has none."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"the page has no {begin} ... {end}")
    return pattern.sub(lambda _: f"{begin}\n{new}\n{end}", text)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--docs", action="store_true", help="put them into README.md and docs/")
    parser.add_argument("--label", default="", help="what else is to be said about this run")
    asked = parser.parse_args(arguments)
    found = json.loads(asked.file.read_text()) | {"label": asked.label}
    if not asked.docs:
        draw(found, asked.file.with_suffix(".svg"))
        print(tables(found))
        return 0
    draw(found, PROJECT / "docs" / "images" / "headline.svg")
    new = {"docs/performance.md": tables(found), "README.md": headline_lines(found)}
    for name, text in new.items():
        page = PROJECT / name
        page.write_text(replaced(page.read_text(), "headline", text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
