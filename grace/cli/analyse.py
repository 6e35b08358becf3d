"""`grace analyse`: what the log says about the system over a window."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit, progress
from grace.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from grace.analysis.tables import Table
    from grace.analysis.window import Analysis

__all__ = ["register", "time_of"]


def register(app: typer.Typer) -> None:
    app.command()(analyse)


def analyse(
    hours: Annotated[
        float, typer.Option(min=0.01, max=24 * 366, help="How long the window is.")
    ] = 24,
    until: Annotated[
        str | None, typer.Option(help="Its end, ISO 8601 with a zone; without: now.")
    ] = None,
) -> None:
    """Analyse a window: health, healing, learning, decisions, response times, trends.

    Needs no Prefect server. The answer to --json is described in docs/analysis.md.

    Example: grace analyse --hours 168 --until 2026-03-01T00:00:00Z
    """
    from grace.analysis.window import analyse as analyse_window
    from grace.store import open_store

    now = datetime.now(UTC)
    end = now if until is None else time_of(until)
    begin = _before(end, hours)
    store = open_store(settings().url, create=False)
    analysis = analyse_window(store, begin, end, now=now, told=_tell)
    emit(analysis, lambda: _page(analysis))


def time_of(text: str) -> datetime:
    """Raises BadInput for what is no time, or has no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no time; write it as 2026-03-01T12:00:00Z") from None
    if found.tzinfo is None:
        raise BadInput(f"{text} has no zone; add Z for UTC, or +01:00")
    return found


def _before(end: datetime, hours: float) -> datetime:
    try:
        return end - timedelta(hours=hours)
    except (OverflowError, ValueError):
        raise BadInput(f"{hours} hours before {end} is before the calendar begins") from None


def _tell(hours_left: int) -> None:
    if hours_left:
        progress(f"summing up the log: {hours_left} hours are left")


def _page(analysis: "Analysis") -> "RenderableType":
    from rich.console import Group

    return Group(*_lines(analysis))


def _lines(analysis: "Analysis") -> "Iterator[RenderableType]":
    from grace.analysis.tables import tables
    from grace.analysis.wording import health_words, learning_words, window_words

    window = window_words(analysis.since, analysis.until)
    yield f"Log {settings().log}, {window}, {analysis.activity.events} events"
    yield health_words(analysis.health)
    for title, remarks in (
        ("To improve", analysis.areas_to_improve),
        ("Strength", analysis.strengths),
    ):
        yield from (f"{title}: {one.text}{'' if one.sure else ', not sure'}" for one in remarks)
    if analysis.learning.rows or analysis.learning.patterns:
        yield learning_words(analysis.learning)
    yield from map(_table, tables(analysis, most=5))


def _table(table: "Table") -> "RenderableType":
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(*table.heads, title=table.title, title_justify="left", box=None)
    for row in table.rows:
        drawn.add_row(*map(Text, row))  # names from logs are no markup
    return drawn
