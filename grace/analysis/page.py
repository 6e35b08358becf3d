"""An analysis as a markdown page with tables and charts."""

from collections.abc import Iterator

from grace.analysis.charts import activity_chart, durations_chart, success_chart
from grace.analysis.remarks import Remark
from grace.analysis.tables import Table, tables
from grace.analysis.window import Analysis
from grace.analysis.wording import health_words, learning_words, percent, window_words
from grace.markdown import plain

__all__ = ["analysis_page"]


def analysis_page(analysis: Analysis, *, log: str) -> str:
    """The whole page; charts only of what the window holds."""
    return "\n\n".join(_blocks(analysis, log)) + "\n"


def _blocks(analysis: Analysis, log: str) -> Iterator[str]:
    yield f"# Self-analysis of the {log} log"
    yield (
        f"{window_words(analysis.since, analysis.until)}, from the first {analysis.ledger_size} "
        "rows of the ledger."
    )
    yield f"**{health_words(analysis.health)}**"
    yield from _remarks("Areas to improve", analysis.areas_to_improve)
    yield from _remarks("Strengths", analysis.strengths)
    yield from _charts(analysis)
    if analysis.learning.rows or analysis.learning.patterns:
        yield learning_words(analysis.learning)
    for table in tables(analysis):
        yield f"## {table.title}"
        yield _markdown(table)
    yield (
        "*n* counts values, *units* the flow runs, else hours, that they come from; intervals "
        "allow for values of one unit going together. Counts, sums and rates are exact, quantiles "
        f"within {percent(analysis.quantile_error)}."
    )


def _remarks(title: str, remarks: tuple[Remark, ...]) -> Iterator[str]:
    if remarks:
        yield f"## {title}"
        yield "\n".join(f"- {plain(one.text)}{'' if one.sure else ', not sure'}" for one in remarks)


def _charts(analysis: Analysis) -> Iterator[str]:
    if analysis.activity.events:
        yield f"![Events in each hour]({activity_chart(analysis)})"
    if any(hour.success.n for hour in analysis.hours):
        yield f"![Share of runs that succeeded in each hour]({success_chart(analysis)})"
    if any(
        hour.wait_p50.value is not None or hour.execution_p50.value is not None
        for hour in analysis.hours
    ):
        yield f"![Wait and execution in each hour]({durations_chart(analysis)})"


def _markdown(table: Table) -> str:
    lines = [table.heads, ("---",) * len(table.heads), *table.rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """A dash stands for what is not there; names come from logs: none may break the table."""
    return text if set(text) == {"-"} else plain(text)
