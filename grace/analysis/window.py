"""The analysis of one window: everything that is known of it, in one record."""

from collections.abc import Callable
from datetime import datetime

from grace.analysis.activity import Activity, Hour, hours_of, per_hour, report_activity
from grace.analysis.autonomy import Autonomy, report_autonomy
from grace.analysis.headlines import Figure, headlines
from grace.analysis.healing import Healing, report_healing
from grace.analysis.health import Health, health
from grace.analysis.learning import Learning, report_learning
from grace.analysis.merging import merge_hours
from grace.analysis.rates import Record
from grace.analysis.reader import Reader, open_reader
from grace.analysis.remarks import Remark, areas_to_improve, strengths
from grace.analysis.response import Response, report_response
from grace.analysis.rollups import advance
from grace.analysis.rules import Rules, load_rules
from grace.analysis.sketch import ERROR
from grace.analysis.tally import Hours
from grace.analysis.trend import Preceding, Trend, trends
from grace.errors import BadInput
from grace.store import Store
from grace.store.hours import HOUR
from grace.values import from_microseconds, microseconds

__all__ = ["PRECEDING", "Analysis", "analyse"]

PRECEDING = 4  # windows before, which a trend is seen against


class Analysis(Record):
    """From `since` up to, but without, `until`, as the log's first `ledger_size` rows tell it.

    `quantile_error` bounds the relative error of every quantile; all else is exact.
    """

    since: datetime
    until: datetime
    ledger_size: int
    quantile_error: float
    health: Health
    strengths: tuple[Remark, ...]
    areas_to_improve: tuple[Remark, ...]
    trends: tuple[Trend, ...]
    healing: Healing
    learning: Learning
    autonomy: Autonomy
    response: Response
    activity: Activity
    hours: tuple[Hour, ...]
    figures: tuple[Figure, ...]
    preceding: tuple[Preceding, ...]


def analyse(
    store: Store,
    since: datetime,
    until: datetime,
    *,
    now: datetime,
    rules: Rules | None = None,
    told: Callable[[int], object] | None = None,
) -> Analysis:
    """Analyse a window that has passed, after bringing the hourly figures up to date.

    Without `rules`, those of the environment hold. `told` hears how many hours of history are
    still to be summed up, where that takes long. Raises BadInput for a window that is empty, or
    that ends after `now`.
    """
    begin, end = microseconds(since), microseconds(until)
    if begin >= end:  # times of one zone compare by the wall clock, which may go back
        raise BadInput(f"a window must end after it begins: {since} to {until}")
    if end > microseconds(now):
        raise BadInput(f"the window ends at {until}, but it is only {now}")
    rules = rules or load_rules()
    advance(store, now, rules, told)
    with store.reading() as connection:
        return _analysis(open_reader(connection, rules), begin, end)


def _analysis(reader: Reader, since: int, until: int) -> Analysis:
    hours = reader.hours(since, until)
    found, library = merge_hours(hours), reader.library
    healing, autonomy = report_healing(found), report_autonomy(found)
    learning = report_learning(
        found, learned=library.learned(since, until), patterns=library.held(until)
    )
    activity = report_activity(hours, since, until)
    state = health(healing.success, learning.confidence, autonomy.decisions)
    figures = headlines(found, activity.per_hour, state)
    preceding, before = _preceding(reader, since, until)
    return Analysis(
        since=from_microseconds(since),
        until=from_microseconds(until),
        ledger_size=reader.size,
        quantile_error=ERROR,
        health=state,
        strengths=strengths(figures),
        areas_to_improve=areas_to_improve(figures, learning.calibration),
        trends=trends(figures, before),
        healing=healing,
        learning=learning,
        autonomy=autonomy,
        response=report_response(found),
        activity=activity,
        hours=hours_of(hours, since, until),
        figures=figures,
        preceding=preceding,
    )


def _preceding(
    reader: Reader, since: int, until: int
) -> tuple[tuple[Preceding, ...], tuple[Figure, ...]]:
    """The figures of each window before, newest first, and of all of them as one.

    They are as long as this one, in whole hours, and lie wholly within the log.
    """
    length, last = -(-(until - since) // HOUR) * HOUR, since // HOUR * HOUR
    begun = reader.first_time()
    known = 0 if begun is None else max(0, last - begun // HOUR * HOUR) // length
    ends = [last - place * length for place in range(min(known, PRECEDING))]
    begin = ends[-1] - length if ends else last
    hours = reader.hours(begin, last, brief=True)
    preceding = tuple(
        Preceding(
            since=from_microseconds(end - length),
            until=from_microseconds(end),
            figures=_figures(hours, end - length, end, windows=1),
        )
        for end in ends
    )
    return preceding, _figures(hours, begin, last, windows=len(ends))


def _figures(hours: Hours, since: int, until: int, *, windows: int) -> tuple[Figure, ...]:
    """Headlines of some of the hours; for the health score, decisions are those of one window."""
    within = {hour: tallied for hour, tallied in hours.items() if since <= hour < until}
    found = merge_hours(within)
    execution = found.rate("autonomy.execution")
    decisions = (execution.n + execution.open) / max(1, windows)
    state = health(
        found.rate("healing.success"), found.mean("learning.confidence", "logit"), decisions
    )
    return headlines(found, per_hour(within, since, until), state)
