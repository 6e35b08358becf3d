"""`grace log kpi`: a number about a system, from a shell or a build."""

from datetime import UTC, datetime
from math import isfinite
from typing import Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import BadInput

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    log = typer.Typer(no_args_is_help=True, help="Write into the log by hand.")
    log.callback()(_log)
    log.command()(kpi)
    app.add_typer(log, name="log")


def _log() -> None:
    """With a callback the only command keeps its name."""


def kpi(
    name: Annotated[str, typer.Argument(help="SUBSYSTEM.NAME, as quality.test_coverage.")],
    value: Annotated[float, typer.Argument(help="A number, in the unit that you always use.")],
    at: Annotated[
        str | None, typer.Option(help="When it was so, ISO 8601 with a zone; without: now.")
    ] = None,
) -> None:
    """Log one value of a KPI; goals are set on it as kpi:SUBSYSTEM.NAME.

    Example: grace log kpi quality.test_coverage 83.2
    """
    from grace.cli.analyse import time_of
    from grace.goals.kpis import kpi_row
    from grace.store import open_store

    now = datetime.now(UTC)
    moment = now if at is None else time_of(at)
    if not isfinite(value):
        raise BadInput(f"{value} is no number that can be logged")
    if moment > now:
        raise BadInput(f"{at} has not come yet")
    row = kpi_row(name, value, moment)
    with open_store(settings().url).writing(now) as writer:
        (landed,) = writer.append("data_cube", [row])
    told = {"kpi": name, "value": value, "at": moment, "ledger_index": landed.ledger_index}
    emit(told, f"{name} = {value:g} is logged, ledger index {landed.ledger_index}.")
