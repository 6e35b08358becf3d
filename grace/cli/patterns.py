"""`grace patterns`: the errors that were learned, and the rules for them."""

from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    patterns = typer.Typer(no_args_is_help=True, help="Error patterns, and the rules for them.")
    for command in (show_all, match):
        patterns.command("list" if command is show_all else None)(command)
    app.add_typer(patterns, name="patterns")


def show_all() -> None:
    """List the patterns with their rules, oldest first.

    Example: grace --sample patterns list
    """
    from rich.table import Table

    from grace.patterns.library import Library
    from grace.patterns.rules import active_rules
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    rules = active_rules(store)
    rows = [
        {
            "fingerprint": each.fingerprint,
            "template": each.template,
            "first_seen": each.first_seen,
            "rule": rules.get(each.fingerprint),
        }
        for each in Library.load(store)
    ]

    def table() -> "Table | str":
        if not rows:
            return "No error has been learned yet; the hourly engine learns them."
        drawn = Table("fingerprint", "first seen", "rule", "template", box=None)
        for row in rows:
            rule = rules.get(str(row["fingerprint"]))
            said = f"{rule.fix} {rule.retries or ''}".strip() if rule else "-"
            drawn.add_row(
                str(row["fingerprint"]),
                f"{row['first_seen']:%Y-%m-%d %H:%M}",
                said,
                str(row["template"]),
            )
        return drawn

    emit(rows, table)


def match(message: Annotated[str, typer.Argument(help="An error as it stands in a log.")]) -> None:
    """Say which pattern an error is of, and what its rule says.

    Example: grace patterns match "TimeoutError: no answer within 30 s"
    """
    from grace.patterns.library import Library
    from grace.patterns.rules import rule_of
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    found = Library.load(store).match(message)
    rule = rule_of(store, found.fingerprint) if found else None
    told = {
        "fingerprint": found.fingerprint if found else None,
        "template": found.template if found else None,
        "rule": rule,
    }
    said = "Not seen so far." if found is None else f"{found.fingerprint}: {found.template}"
    emit(told, said + (f"\nRule: {rule.fix}, {rule.retries} retries" if rule else ""))
