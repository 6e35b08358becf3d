"""An analysis as tables of words, the same on a page and on the command line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from grace.analysis.durations import Duration
from grace.analysis.rates import Mean, Rate
from grace.analysis.response import Timing
from grace.analysis.trend import Trend
from grace.analysis.window import Analysis
from grace.analysis.wording import NAMES, NONE, amount, percent, seconds, seconds_to_words, to_words

__all__ = ["MOST_PARTS", "Table", "tables"]

MOST_PARTS = 10  # of error types, tasks, ...: those with the most values

Line: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    title: str
    heads: Line
    rows: tuple[Line, ...]


def tables(analysis: Analysis, most: int = MOST_PARTS) -> Iterator[Table]:
    """Those that have a row; of parts only the `most` that hold most."""
    made = (
        _health(analysis),
        _rates(analysis),
        _parts("Healing by severity", analysis.healing.by_severity, most),
        _parts("Healing by error type", analysis.healing.by_error_type, most),
        _parts("Healing by fix type", analysis.healing.by_fix_type, most),
        _durations(analysis, most),
        _calibration(analysis),
        _parts("Decisions executed by type", analysis.autonomy.by_decision_type, most),
        _trends(analysis.trends),
    )
    return (table for table in made if table.rows)


def _health(analysis: Analysis) -> Table:
    rows = (
        (
            part.name,
            f"{part.weight:.0f}",
            percent(part.value),
            to_words(part.interval, percent),
            str(part.n),
        )
        for part in analysis.health.parts
        if part.value is not None
    )
    return Table("Health", ("part", "weight", "value", "95 % interval", "n"), tuple(rows))


def _rates(analysis: Analysis) -> Table:
    learning, autonomy = analysis.learning, analysis.autonomy
    rates = {
        "healing attempts that succeeded": analysis.healing.success,
        "healing attempts approved": analysis.healing.approval,
        "runs that succeeded": analysis.response.overall.success,
        "predictions that came true": learning.accuracy,
        "decisions executed": autonomy.execution,
        "decisions approved": autonomy.approval,
    }
    means = {
        "mean stated confidence": learning.confidence,
        "mean confidence of decisions": autonomy.confidence,
    }
    rows = [_rate(name, rate) for name, rate in rates.items() if _seen(rate)]
    rows += [_mean(name, mean) for name, mean in means.items() if mean.n]
    return Table("Rates", _RATE_HEADS, tuple(rows))


_RATE_HEADS = ("", "value", "95 % interval", "n", "units", "open", "neither")


def _seen(rate: Rate) -> int:
    return rate.n + rate.open + rate.neither


def _rate(name: str, rate: Rate) -> Line:
    limits = to_words(rate.interval, percent)
    counts = (rate.n, rate.units, rate.open, rate.neither)
    return (name, percent(rate.value), limits, *map(str, counts))


def _mean(name: str, mean: Mean) -> Line:
    limits = to_words(mean.interval, percent)
    return (name, percent(mean.value), limits, str(mean.n), str(mean.units), NONE, NONE)


def _parts(title: str, parts: Mapping[str, Rate], most: int) -> Table:
    shown = sorted(parts, key=lambda name: -_seen(parts[name]))[:most]
    rows = [_rate(name, parts[name]) for name in shown]
    return Table(_told(title, parts, shown), _RATE_HEADS, tuple(rows))


def _told(title: str, parts: Mapping[str, object], shown: list[str]) -> str:
    hidden = len(parts) - len(shown)
    return f"{title} ({hidden} more in the JSON)" if hidden else title


def _durations(analysis: Analysis, most: int) -> Table:
    response = analysis.response
    rows = list(_timing("all runs", response.overall))
    for named, parts in (
        ("task", response.by_task),
        ("deployment", response.by_deployment),
    ):
        shown = sorted(parts, key=lambda name: -_seen(parts[name].success))[:most]
        for name in shown:
            rows += _timing(f"{named} {name}", parts[name])
        if len(parts) > len(shown):
            rows.append((f"{len(parts) - len(shown)} more {named}s in the JSON", *[NONE] * 7))
    heads = ("", "of", "mean", "95 % interval", "p50", "p95", "p99", "n")
    return Table("Response, execution and queue wait", heads, tuple(rows))


def _timing(name: str, timing: Timing) -> Iterator[Line]:
    for of in ("response", "execution", "wait"):
        duration: Duration = getattr(timing, of)
        if duration.mean.n:
            quantiles = (duration.p50, duration.p95, duration.p99)
            yield (
                name,
                of,
                seconds(duration.mean.value),
                seconds_to_words(duration.mean.interval),
                *(seconds(quantile.value) for quantile in quantiles),
                str(duration.mean.n),
            )


def _calibration(analysis: Analysis) -> Table:
    rows = (
        (
            f"{100 * one.low:.0f} to {100 * one.high:.0f} %",
            percent(one.stated),
            percent(one.observed.value),
            to_words(one.observed.interval, percent),
            str(one.observed.n),
        )
        for one in analysis.learning.calibration.bins
    )
    heads = ("stated", "mean stated", "came true", "95 % interval", "n")
    return Table("Calibration of predictions", heads, tuple(rows))


def _trends(trends: Iterable[Trend]) -> Table:
    rows = (
        (
            NAMES[trend.name],
            amount(trend.name, trend.value),
            amount(trend.name, trend.before),
            trend.direction.replace("_", " "),
            f"{trend.n} / {trend.n_before}",
        )
        for trend in trends
        if trend.value is not None and trend.before is not None
    )
    heads = ("figure", "now", "before", "trend", "n now / before")
    return Table("Against the windows before", heads, tuple(rows))
