"""`grace erase`: what a row says is taken from the log for good, once somebody else agreed."""

import getpass
from typing import Annotated

import typer

from grace.cli.propose import submit

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(erase)


def erase(
    table: Annotated[str, typer.Argument(help="The log table, as in healing_attempts.")],
    key: Annotated[str, typer.Argument(help="The row's natural key; all its revisions go.")],
    why: Annotated[str, typer.Option("--why", "-w", help="Why; it stays in the log.")],
    proposer: Annotated[
        str, typer.Option("--as", help="Your name.", default_factory=getpass.getuser)
    ],
) -> None:
    """Propose to erase a row. Once a reviewer approves, nothing brings its payload back.

    Its place in the ledger and its digest stay, so that everything else can still be proven, and
    proofs that hold the row say when, why and for whom it was erased.

    Example: grace erase healing_attempts attempt-17 --as alice --why "the message names a customer"
    """
    submit(f"row:{table}/{key}", "erased", why, proposer)
