"""`grace quarantine …`: rows that could not be logged, why, and whether they can by now."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import CheckFailed

if TYPE_CHECKING:
    from grace.store.quarantine import Quarantined

__all__ = ["register"]

SHOWN = 50  # rows of a list, unless told


def register(app: typer.Typer) -> None:
    quarantine = typer.Typer(no_args_is_help=True, help="Rows that could not be logged, and why.")
    quarantine.command("list")(list_)
    for command in (show, retry):
        quarantine.command()(command)
    app.add_typer(quarantine, name="quarantine")


def list_(
    table: Annotated[str | None, typer.Option("--table", help="Of this log table alone.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Of this source alone, named as in the list.")
    ] = None,
    landed: Annotated[
        bool, typer.Option("--landed", help="Also those that a retry took after all.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = SHOWN,
) -> None:
    """List the rows that wait, oldest first.

    Example: grace quarantine list --table healing_attempts
    """
    from rich.markup import escape
    from rich.table import Table

    from grace.store import open_store
    from grace.store.quarantine import counts, entries

    store = open_store(settings().url, create=False)
    found = entries(store, table=table, source=source, landed=landed, limit=limit)
    waiting = counts(store)

    def page() -> "Table | str":
        if not found:
            return "Nothing waits in the quarantine."
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in waiting.items())
        drawn = Table("id", "table", "source", "position", "reason", box=None)
        drawn.caption_justify = "left"
        drawn.columns[0].no_wrap = True  # to be copied
        drawn.columns[2].overflow = "fold"
        for entry in found:
            done = " (landed since)" if entry.landed_at else ""
            said = (entry.source, entry.position, f"{entry.reason}{done}")
            drawn.add_row(entry.id, entry.table, *map(escape, said))
        drawn.caption = f"{sum(waiting.values()):,} wait: {kinds}" if kinds else "none waits"
        return drawn

    emit([_row(entry) for entry in found], page)


def show(
    row: Annotated[str, typer.Argument(metavar="ID", help="The row's id, or its beginning.")],
) -> None:
    """Show one row as it was met, and what stands against it.

    Example: grace quarantine show 5f0c1d2e
    """
    from rich.markup import escape

    from grace.store import open_store
    from grace.store.quarantine import find

    entry = find(open_store(settings().url, create=False), row)
    told = _row(entry) | {"content": json.loads(entry.row)}
    content = json.dumps(told["content"], indent=2, sort_keys=True)
    after = f"Landed at {entry.landed_at:%Y-%m-%d %H:%M:%S} UTC.\n" if entry.landed_at else ""
    head = f"{entry.id} for {entry.table}, from {entry.source}, {entry.position}"
    emit(told, escape(f"{head}\n{entry.reason}\n{after}{content}"))


def retry(
    rows: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Ids, or their beginnings. Default: all that wait."),
    ] = None,
) -> None:
    """Judge rows again by the present rules; those that pass land.

    Exit code 1 where others wait on.

    Example: grace quarantine retry
    """
    from grace.ingestion.retrying import retry as retry_rows
    from grace.store import open_store
    from tasks.log_access import reachable

    with reachable():
        store = open_store(settings().url, create=False)
        done = retry_rows(store, rows or [], datetime.now(UTC))
    emit(
        {
            "tried": done.tried,
            "landed": done.landed,
            "unchanged": done.unchanged,
            "refused": done.refused,
        },
        f"{done.tried} rows tried: {done.landed} landed, {done.unchanged} were in the log already, "
        f"{done.refused} wait on",
    )
    if done.refused:
        raise CheckFailed(f"{done.refused} rows still cannot land; `grace quarantine list`")


def _row(entry: "Quarantined") -> dict[str, object]:
    return {
        "id": entry.id,
        "table": entry.table,
        "source": entry.source,
        "position": entry.position,
        "reason": entry.reason,
        "quarantined_at": entry.quarantined_at,
        "landed_at": entry.landed_at,
    }
