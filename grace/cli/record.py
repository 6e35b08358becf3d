"""`grace record`: how Grace's own changes went, and what its judge sees in nothing."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit, progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from grace.record.record import ActionType, Record

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(record)


def record(
    kind: Annotated[
        str | None, typer.Option(help="Only this kind of opportunity, or this lever.")
    ] = None,
    days: Annotated[
        float, typer.Option(min=0.01, max=366, help="Placebo windows lie in the last so many days.")
    ] = 30,
) -> None:
    """Grace's own record: predicted against measured effects, and how often it errs.

    Needs no Prefect server. What each figure means is in docs/record.md.

    Example: grace record --kind reduce_wait_time
    """
    from grace.governance.policy import load_policy
    from grace.store import open_store
    from tasks.record import engine_record

    found = engine_record(
        open_store(settings().url, create=False),
        load_policy(settings()),
        datetime.now(UTC),
        kind=kind,
        days=timedelta(days=days),
        told=_tell,
    )
    emit([vars(each) | vars(told) for each, told in found.items()], lambda: _page(found))


def _tell(done: int, of: int) -> None:
    """A line for every tenth change: a short log says nothing."""
    if done % 10 == 0:
        progress(f"judging where nothing was changed: {done} of {of} changes")


def _page(found: "Mapping[ActionType, Record]") -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from grace.record.page import tables

    if not found:
        return "No proposals yet, so there is no record. `grace status --why TARGET` says why."
    pages = []
    for table in tables(found):
        drawn = Table(title=table.title, title_justify="left", box=None)
        for head in table.heads:
            drawn.add_column(head, overflow="fold")  # a name that is cut is no name
        for row in table.rows:
            drawn.add_row(*map(Text, row))
        pages.append(drawn)
    return Group(*pages)
