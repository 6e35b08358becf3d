"""`grace run`: have an engine run now instead of at its next time."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import BadInput

if TYPE_CHECKING:
    from pydantic import JsonValue

    from tasks.engines import Engine

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(run)


def run(
    engine: Annotated[
        str, typer.Argument(help="Its flow, as performance-optimizer, or FLOW/DEPLOYMENT.")
    ],
    every: Annotated[
        int | None,
        typer.Option(min=5, max=3600, help="Optimizer only: a cycle every so many seconds."),
    ] = None,
    times: Annotated[
        int | None, typer.Option(min=1, help="With --every: end after so many cycles.")
    ] = None,
) -> None:
    """Start an engine of this log now. What it does and how it ended stands in the Prefect UI.

    Example: grace --sample run performance-optimizer
    """
    from grace.installation import connect_environment

    connect_environment(settings())
    from tasks.engines import read_engines
    from tasks.runs import run_link, start_deployed

    found = _find(read_engines(settings()), engine)
    parameters = _real_time(found.name, every, times)
    now = datetime.now(UTC)
    run_id = start_deployed(
        found.name, parameters, key=f"by-hand:{now.isoformat()}", name=f"by hand {now:%H:%M:%S}"
    )
    link = run_link(run_id)
    emit({"engine": found.name, "run_id": run_id, "run": link}, f"{found.name} runs: {link}")


def _real_time(name: str, every: int | None, times: int | None) -> "dict[str, JsonValue]":
    """Parameters of a run that goes on by itself, which only the optimizer has."""
    if every is None and times is None:
        return {}
    if every is None or not name.startswith("performance-optimizer/"):
        raise BadInput("--every, and --times with it, are for performance-optimizer alone")
    given: dict[str, JsonValue | None] = {"interval_seconds": every, "cycles_at_most": times}
    return {key: value for key, value in given.items() if value is not None}


def _find(engines: "list[Engine]", asked: str) -> "Engine":
    """Those that run by a schedule; the others need parameters of their own."""
    scheduled = [each for each in engines if each.cycle_interval_hours is not None]
    mine = [each for each in scheduled if asked in (each.name, each.name.partition("/")[0])]
    if not mine:
        known = ", ".join(sorted({each.name.partition("/")[0] for each in scheduled}))
        where = f"in the log {settings().log}"
        raise BadInput(f"there is no engine {asked!r} {where}; there are: {known or 'none'}")
    return mine[0]
