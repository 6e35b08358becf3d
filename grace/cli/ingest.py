"""`grace ingest`: files and databases of others into the log, and what the spool holds."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit, progress
from grace.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from rich.console import RenderableType

    from grace.ingestion.counts import Ingested, SourceCounts

__all__ = ["register"]

TELL_EVERY = 50_000  # rows


def register(app: typer.Typer) -> None:
    app.command()(ingest)


def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Files, folders, globs or fsspec URLs; CSV, JSON, JSONL or Parquet.",
        ),
    ] = None,
    sql: Annotated[
        str | None, typer.Option("--sql", metavar="URL", help="A database, by SQLAlchemy URL.")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option("--table", help="The log table of files whose names do not begin with it."),
    ] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", help="Zone of times without one; `none` refuses them.")
    ] = "UTC",
    strict: Annotated[
        bool, typer.Option("--strict", help="End with 1 if a single row went to the quarantine.")
    ] = False,
) -> None:
    """Read files or a database into the log; the same again adds nothing.

    Rows that their table cannot hold go to the quarantine with the reason. What loggers left in the
    spool is taken in too; without PATH and --sql that alone.

    Example: grace ingest "logs/healing_attempts-*.csv" --timezone Europe/Berlin

    Example: grace ingest --sql sqlite:////srv/old/healing.db
    """
    from grace.spool import take_spool
    from grace.store import open_store
    from tasks.ingest_files import ingest_files
    from tasks.ingest_sql import ingest_sql
    from tasks.intake import telling
    from tasks.log_access import reachable

    now, say = datetime.now(UTC), telling(progress, TELL_EVERY)
    zone = None if timezone.lower() == "none" else timezone
    with reachable():
        store = open_store(settings().url)
        done = take_spool(store, settings().log_dir / "spool", now)
    if paths:
        done += ingest_files(store, paths, now, table=table, timezone=zone, progress=say)
    if sql:
        done += ingest_sql(store, sql, now, timezone=zone, progress=say)
    emit(_told(done), lambda: _page(done))
    if done.errors:
        raise BadInput("; ".join(done.errors))
    if complaint := done.complaint(strict):
        raise CheckFailed(f"{complaint}; `grace quarantine list` tells why")


def _told(done: "Ingested") -> dict[str, object]:
    return {
        "read": done.read,
        "landed": done.landed,
        "unchanged": done.unchanged,
        "quarantined": done.quarantined,
        "sources": list(done.sources),
    }


def _page(done: "Ingested") -> "RenderableType":
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    if not done.sources:
        return "Nothing to read: no PATH, no --sql, and the spool is empty."
    drawn = Table("source", "table", "read", "new", "there already", "quarantined", box=None)
    drawn.columns[0].overflow = "fold"  # a path that is cut off names no file
    for column in drawn.columns[2:]:
        column.justify = "right"
    for one in done.sources:
        numbers = (one.read, one.landed, one.unchanged, one.refused)
        drawn.add_row(escape(one.source), one.table, *(f"{number:,}" for number in numbers))
    remarks = [escape(remark) for one in done.sources for remark in _remarks(one)]
    return Group(drawn, *remarks, str(done))


def _remarks(one: "SourceCounts") -> list[str]:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in one.quarantined.items())
    again = one.refused - one.new_in_quarantine
    known = f" ({again:,} of them were there already)" if again else ""
    said = [f"in the quarantine: {kinds}{known}" if kinds else None, one.note, one.error]
    return [f"{one.source}: {remark}" for remark in said if remark]
