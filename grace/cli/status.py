"""`grace status`: what runs, what was found, what it came to."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import Unreachable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from grace.connection import Connection
    from grace.opportunities.finding import Finding
    from grace.summary import Summary
    from tasks.engines import Engine

__all__ = ["register"]

# of which nothing is to be done: named, with the reasons a question away
AT_REST = ("watching", "resting", "quiet")
NAMED = 5


def register(app: typer.Typer) -> None:
    app.command()(status)


def status(
    why: Annotated[
        str | None, typer.Option("--why", help="Say why a target was or was not proposed.")
    ] = None,
) -> None:
    """Show engines, findings, proposals and ledger; or why a target was not touched.

    Example: grace --sample status --why tag:sample-pages
    """
    from grace.connection import read_connection
    from grace.export.drill import last_drill
    from grace.export.history import last_backup
    from grace.governance.enabling import enabled
    from grace.notary.state import ledger_state
    from grace.store import open_store
    from grace.summary import last_findings, summarise
    from grace.summary import why as find_why

    store = open_store(settings().url, create=False)
    if why is not None:
        finding = find_why(store, why)
        emit(finding, lambda: _why(finding))
        return
    engines, trouble = _engines()
    counts, findings = summarise(store), last_findings(store)
    ledger = ledger_state(settings(), store)
    connection, allowed = read_connection(settings()), enabled(store).targets
    backup, drill = last_backup(settings()), last_drill(settings())
    told = {
        "log": settings().log,
        "watched": connection and connection.ui_url,
        "enabled": allowed,
        "prefect": trouble or "answers",
        "engines": {engine.name: asdict(engine) for engine in engines},
        "findings": findings,
        "ledger": asdict(ledger),
        "backup": backup,
        "drill": drill,
        **asdict(counts),
    }
    log = f"Log {settings().log}, ledger {ledger.size} rows" + (f" - {trouble}" if trouble else "")
    kept = f"{backup.at:%Y-%m-%d %H:%M} UTC, {backup.rows:,} rows" if backup else "none"
    log += f"; last backup: {kept}"
    if drill:
        log += f"; restored {'as a drill' if drill.ok else 'in vain'} {drill.at:%Y-%m-%d %H:%M} UTC"
    may = [_watched(connection, allowed)] if connection else []
    emit(told, lambda: _page([log, *may], engines, counts, findings))


def _engines() -> "tuple[list[Engine], str | None]":
    """The engines, or why Prefect does not tell of them: the log can be read without it."""
    from grace.installation import connect_environment

    try:
        connect_environment(settings())
        from tasks.engines import read_engines

        return read_engines(settings()), None
    except Unreachable as problem:
        return [], str(problem)


def _watched(connection: "Connection", allowed: tuple[str, ...] | None) -> str:
    may = f"may be changed: {', '.join(allowed)}" if allowed else "observe-only: nothing is changed"
    return f"Watches {connection.ui_url} (Prefect {connection.version}); {may}"


def _page(
    head: list[str], engines: "list[Engine]", counts: "Summary", findings: "list[Finding]"
) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table

    runs = Table("engine", "every", "last run", "next run", box=None)
    runs.columns[0].overflow = "fold"
    for engine in engines:
        hours = engine.cycle_interval_hours
        every = "on demand" if hours is None else f"{hours * 60:.0f} min"
        every += "" if hours is None or engine.running else ", off"
        last = f"{engine.last_run:%H:%M:%S} {engine.last_state}" if engine.last_run else "-"
        ahead = f"{engine.next_run:%H:%M:%S}" if engine.next_run else "-"
        runs.add_row(engine.name, every, last, ahead)
    engines_there: list[RenderableType] = [runs, ""] if engines else []
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.by_verdict.items())
    return Group(
        *head,
        f"Paused: {counts.paused}" if counts.paused else "Not paused.",
        f"{counts.improvements_proposed} proposed, {counts.waiting} waiting, "
        f"{counts.improvements_implemented} applied; verdicts: {verdicts or 'none yet'}",
        f"Goals: {counts.active_goals} open, {counts.completed_goals} met, of "
        f"{counts.goals_created} made ({counts.autonomous_goals} by Grace itself)",
        *engines_there,
        *(_found(findings) or ["No cycle has found anything yet."]),
    )


def _why(finding: "Finding") -> "RenderableType":
    from rich.text import Text

    return Text.assemble((finding.target, "bold"), f": {finding.standing}\n{finding.reason}")


def _found(findings: "list[Finding]") -> "list[RenderableType]":
    from rich.padding import Padding
    from rich.text import Text

    lines: list[RenderableType] = []
    for finding in findings:
        if finding.standing not in AT_REST:
            lines.append(Text.assemble((finding.target, "bold"), f": {finding.standing}"))
            lines.append(Padding(Text(finding.reason), (0, 0, 0, 4)))
    for standing in AT_REST:
        targets = sorted({one.target for one in findings if one.standing == standing})
        if targets:
            more = f" and {len(targets) - NAMED} more" if len(targets) > NAMED else ""
            lines.append(Text(f"{standing}: {', '.join(targets[:NAMED])}{more}"))
    if any(finding.standing in AT_REST for finding in findings):
        lines.append("`grace status --why TARGET` says why.")
    return lines
