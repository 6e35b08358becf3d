"""`grace patterns …`: the errors that were learned, how they stand, and the rules for them."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import command, settings
from grace.cli.output import emit

if TYPE_CHECKING:
    from rich.console import RenderableType

    from grace.patterns.library import Pattern
    from grace.patterns.overview import Overview, Row
    from grace.patterns.record import Record
    from grace.patterns.rules import Rule

__all__ = ["register"]

Days = Annotated[float, typer.Option(min=0.01, max=365, help="Count failures of so many days.")]


def register(app: typer.Typer) -> None:
    patterns = typer.Typer()
    patterns.callback(invoke_without_command=True)(overview)
    patterns.command("list")(listed)
    for one in (show, match):
        patterns.command()(one)
    app.add_typer(patterns, name="patterns")


def overview(context: typer.Context, days: Days = 7) -> None:
    """Error patterns, the one with most failing flow runs first, and the rules for them.

    Example: grace --sample patterns --days 1
    """
    if context.invoked_subcommand is None:
        listed(days)


def listed(days: Days = 7) -> None:
    """The same as `grace patterns` by itself.

    Example: grace patterns list --days 30
    """
    from grace.patterns.learning import unread
    from grace.patterns.overview import overview as look
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    found = look(store, datetime.now(UTC), timedelta(days=days))
    emit(found.rows, lambda: _page(found, days, unread(store)))


def show(
    fingerprint: Annotated[str, typer.Argument(help="As in `grace patterns`.")],
) -> None:
    """Show one pattern: how it stands in 30 days, its rule, and what each kind of fix has done.

    Example: grace patterns show p1-0123456789ab
    """
    from grace.patterns.library import Library
    from grace.patterns.overview import overview as look
    from grace.patterns.record import best_fix, records_of
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    library = Library.load(store)
    pattern = library.pattern(fingerprint)
    found = look(store, datetime.now(UTC), timedelta(days=30))
    (row,) = (row for row in found.rows if row.fingerprint == fingerprint)
    fixes = records_of(store, library, fingerprint)
    told = {
        "pattern": row,
        "type": pattern.type,
        "template": pattern.template,
        "frames": pattern.frames,
        "issued": " ".join(pattern.issued),
        "fixes": {fix: _told(record) for fix, record in sorted(fixes.items())},
        "best_fix": best_fix(fixes),
    }
    emit(told, lambda: _account(pattern, row, fixes))


def match(
    message: Annotated[str, typer.Argument(help="An error as it stands in a log.")],
    error_type: Annotated[
        str | None, typer.Option("--type", help="Its type, where the message does not tell it.")
    ] = None,
) -> None:
    """Say which pattern an error is of, and the rule for it.

    Example: grace patterns match "TimeoutError: no answer within 30 s"
    """
    from grace.patterns.library import Library
    from grace.patterns.rules import rule_of
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    found = Library.load(store).match(message, error_type)
    rule = rule_of(store, found.fingerprint) if found else None
    told = {
        "fingerprint": found.fingerprint if found else None,
        "template": found.template if found else None,
        "rule": rule,
    }
    said = f"{found.fingerprint}: {_plain(found.name)}\nRule: {_rule(rule)}" if found else None
    emit(told, said or "No pattern that was learned so far.")


def _page(found: "Overview", days: float, unread: int) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table

    drawn = Table(box=None)
    for head in ("fingerprint", "state", "failures", "flow runs", "share", "rule"):
        drawn.add_column(head, no_wrap=True)
    drawn.add_column("pattern", overflow="fold")
    for row in found.rows:
        share = "-" if row.share is None else f"{100 * row.share:.1f} %"
        counts = (str(row.failures), str(row.failing_flow_runs), share)
        drawn.add_row(row.fingerprint, row.state, *counts, _rule(row.rule), _plain(row.name))
    notes = [f"Failures of {days:g} days; share of the runs of the tasks that met it."]
    if found.unmatched:
        notes.append(f"{found.unmatched} failures are of no pattern, or have no message.")
    if unread:
        notes.append(f"{unread} failures are not learned yet: the hourly engine does that.")
    return Group(drawn if found.rows else "No error has been learned yet.", *notes)


def _account(pattern: "Pattern", row: "Row", fixes: "dict[str, Record]") -> str:
    frames = "".join(f"\n  {frame}" for frame in pattern.frames)
    tried = "".join(f"\n  {fix}: {_outcome(record)}" for fix, record in sorted(fixes.items()))
    tasks = ", ".join(row.tasks)
    share = "" if row.share is None else f", {100 * row.share:.1f} % of the runs of {tasks}"
    return (
        f"{_plain(pattern.template)}\n"
        f"{row.state}; first seen {row.first_seen:%Y-%m-%d %H:%M}, last "
        f"{f'{row.last_seen:%Y-%m-%d %H:%M}' if row.last_seen else 'long ago'}\n"
        f"{row.failures} failures in {row.failing_flow_runs} flow runs within 30 days{share}\n"
        f"Rule: {_rule(row.rule)}\n"
        f"Frames: {frames or 'not known'}\n"
        f"Fixes tried: {tried or 'none'}\n"
        f"To propose a rule: {command()} propose pattern:{pattern.fingerprint} "
        '\'{"fix": "retry", "retries": 2}\' --why …'
    )


def _told(record: "Record") -> dict[str, object]:
    return {
        "attempts": record.attempts,
        "successes": record.successes,
        "flow_runs": record.units,
        "rate": record.rate,
        "interval": record.interval,
    }


def _outcome(record: "Record") -> str:
    low, high = record.interval
    return (
        f"{record.successes} of {record.attempts} attempts in {record.units} flow runs "
        f"(95 % {100 * low:.0f} % to {100 * high:.0f} %)"
    )


def _rule(rule: "Rule | None") -> str:
    if rule is None:
        return "-"
    said = f"{rule.fix}, at most {rule.retries}" if rule.retries else rule.fix
    return f"{said} (on trial)" if rule.trial else said


def _plain(text: str) -> str:
    """Square brackets of an error are no markup."""
    from rich.markup import escape

    return escape(text)
