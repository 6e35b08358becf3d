"""`grace archives`: what exports there are, and which of them stay."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from grace.cli.options import settings
from grace.cli.output import emit

if TYPE_CHECKING:
    from rich.console import RenderableType

    from grace.export.retention import Retention

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(archives)


def archives() -> None:
    """List the archives in the exports folder of this log, and why each stays or could go.

    Nothing is deleted before a proposal about it was approved: see docs/export.md, Retention.

    Example: grace archives --json
    """
    from grace.export.retention import retention
    from grace.governance.policy import load_policy

    rules = load_policy(settings()).retention
    found = retention(settings(), rules, datetime.now(UTC))
    told = f"Kept of each kind: {rules.told}." if rules.is_on else "None is ever deleted."
    emit(
        {
            "rules": rules if rules.is_on else None,
            "archives": _rows(found),
            "others": found.shelf.others,
        },
        lambda: _page(found, told),
    )


def _rows(found: "Retention") -> list[dict[str, object]]:
    """`stays` is why, None where it could go."""
    return [
        {
            "path": one.path,
            "at": one.made_at,
            "scope": one.manifest.scope,
            "format": one.manifest.format,
            "low": one.manifest.low,
            "size": one.manifest.size,
            "rows": one.manifest.rows,
            "bytes": one.bytes,
            "validated": one.manifest.validated,
            "stays": found.stays.get(one.name),
        }
        for one in found.shelf.archives
    ]


def _page(found: "Retention", rules: str) -> "RenderableType":
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    table = Table("archive", "made (UTC)", "rows", "MB", "stays", box=None)
    table.columns[0].overflow = "fold"
    for one in found.shelf.archives:
        table.add_row(
            escape(one.name),
            f"{one.made_at:%Y-%m-%d %H:%M}",
            f"{one.manifest.rows:,}",
            f"{one.bytes / 1e6:,.1f}",
            escape(found.stays.get(one.name, "no")),
        )
    left = [
        f"Left alone, {escape(name)}: {escape(why)}" for name, why in found.shelf.others.items()
    ]
    count = len(found.goes)
    could = f"{count} of {len(found.shelf.archives)} could go. " if count else ""
    return Group(table, *left, could + rules)
