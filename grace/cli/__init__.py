"""The front door: `grace COMMAND`, and the one place where errors become exit codes.

A file of commands offers `register(app)` and is named in `_COMMANDS`; it imports what its
commands need inside them, so that `grace --help` stays fast, and answers by `output.emit`.
"""

import itertools
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from grace.cli import (
    analyse,
    answer,
    archive,
    archives,
    connect,
    demo,
    erase,
    experiment,
    export,
    goals,
    ingest,
    kpi,
    ledger,
    mesh,
    migrate,
    patterns,
    policy,
    proposals,
    propose,
    prove,
    quarantine,
    record,
    reviewers,
    run,
    status,
    up,
    verify,
)
from grace.cli.options import Options, chosen
from grace.errors import BadInput, GraceError

__all__ = ["application", "main"]

_COMMANDS = (
    up,
    demo,
    status,
    analyse,
    connect,
    propose,
    proposals,
    answer,
    reviewers,
    experiment,
    goals,
    record,
    prove,
    verify,
    ledger,
    mesh,
    patterns,
    policy,
    ingest,
    kpi,
    quarantine,
    migrate,
    export,
    archive,
    archives,
    erase,
    run,
)
_ANYWHERE = ("--json", "--sample")


def application() -> typer.Typer:
    app = typer.Typer(
        name="grace",
        help="Closed-loop improvement of automated systems on Prefect.",
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_for_every_command)
    for commands in _COMMANDS:
        commands.register(app)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and ends the process: 0 done, 1 a check failed, 2 bad input or usage."""
    given = _leading(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.exit(application()(args=given, prog_name="grace", standalone_mode=False) or 0)
    except GraceError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except typer.TyperException as usage:
        # empty where no command was given: then the help was shown
        if told := usage.format_message().rstrip("."):
            _say(told + _where_help_is(usage))
        sys.exit(BadInput.exit_code)
    except typer.Abort:
        _say("interrupted")
        sys.exit(GraceError.exit_code)


def _say(error: str) -> None:
    print(f"grace: {' '.join(error.split())}", file=sys.stderr)


def _where_help_is(usage: typer.TyperException) -> str:
    context: typer.Context | None = getattr(usage, "ctx", None)
    return "" if context is None else f"; see `{context.command_path} --help`"


def _leading(arguments: list[str]) -> list[str]:
    """The options for every command, wherever they stand before a `--`, moved to the front."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    common, own = [], []
    words = iter(arguments[:end])
    for word in words:
        if word == "--log":
            common += [word, *itertools.islice(words, 1)]
        elif word in _ANYWHERE or word.startswith("--log="):
            common.append(word)
        else:
            own.append(word)
    return common + own + arguments[end:]


def _print_version(asked: bool) -> None:
    if asked:
        print(f"grace {version('grace-loop')}")
        raise typer.Exit


def _for_every_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer with one JSON value; any command takes it.")
    ] = False,
    log: Annotated[
        str | None,
        typer.Option(
            help="Which log: main, sample, or the name of a connected installation; any command "
            "takes it. Default: GRACE_LOG, else main.",
        ),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="The sample workload's log: short for --log sample.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say it.")
    ] = False,
) -> None:
    if sample and log not in (None, "sample"):
        raise BadInput(f"--sample and --log {log} are two different logs")
    chosen.set(Options(as_json=as_json, log="sample" if sample else log))
