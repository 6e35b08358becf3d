"""`grace propose`: a change by hand, that goes the same way as the engine's own."""

import getpass
import json
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import NotAllowed

if TYPE_CHECKING:
    from pydantic import JsonValue

__all__ = ["register", "submit"]


def register(app: typer.Typer) -> None:
    app.command()(propose)


def propose(
    target: Annotated[
        str,
        typer.Argument(
            help="tag:NAME, global:NAME, deployment:FLOW/NAME, work-pool:NAME, "
            "work-queue:POOL/NAME, schedule:FLOW/NAME#SLUG, parameters:FLOW/NAME, "
            "retries:FLOW/NAME, pattern:FINGERPRINT, variable:NAME, permit:TYPE, "
            "run:FLOW/NAME, row:TABLE/KEY, webhook:NAME, archives:LOG/DAY."
        ),
    ],
    value: Annotated[str, typer.Argument(help="What to set it to, as JSON: 8, null, ...")],
    why: Annotated[str, typer.Option("--why", "-w", help="Why; people read it before answering.")],
    proposer: Annotated[
        str, typer.Option("--as", help="Your name.", default_factory=getpass.getuser)
    ],
    lever: Annotated[
        str | None, typer.Option(help="What turns the target. Default: by the target's kind.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help='What tells whether it helped: "mean execution time", "task success rate", '
            '"share of runs that fail", "mean excess wait", or none. Default: by the lever.'
        ),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(help="Of whose runs: a deployment FLOW/NAME; for a wait a limit, tag:NAME."),
    ] = None,
) -> None:
    """Propose a change by hand. Somebody else approves it, and it is measured like any other.

    Example: grace propose tag:sample-pages 1 --as alice --why "spare the service"
    """
    submit(target, _parsed(value), why, proposer, lever=lever, metric=metric, of=of)


def submit(
    target: str,
    value: "JsonValue",
    why: str,
    proposer: str,
    *,
    lever: str | None = None,
    metric: str | None = None,
    of: str | None = None,
) -> None:
    """Put it forward and say where it waits; NotAllowed where the policy forbids it."""
    from grace.cli.proposals import row
    from grace.installation import connect_environment
    from grace.levers import lever_for

    connect_environment(settings())
    from tasks.by_hand import propose_by_hand
    from tasks.runs import run_link
    from tasks.sights import Wished

    entry = propose_by_hand(
        settings(),
        lever or lever_for(target),
        target,
        value,
        why=why,
        by=proposer,
        measured_by=Wished(metric, of),
    )
    if entry.state == "forbidden":
        raise NotAllowed(f"the policy forbids it: {entry.reason} (recorded as {entry.id})")
    where = f"\nIts run: {run_link(entry.run_id)}" if entry.run_id else ""
    emit(row(entry), f"{entry.id} is {entry.state}: {entry.proposal.title}{where}")


def _parsed(value: str) -> "JsonValue":
    try:
        parsed: JsonValue = json.loads(value)
    except json.JSONDecodeError:
        return value
    return parsed
