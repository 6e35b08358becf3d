"""Asking a person for what must not stand on a command line: passwords and passphrases."""

import sys

import typer

from grace.errors import BadInput

__all__ = ["secret_text"]


def secret_text(what: str, *, from_stdin: bool, twice: bool = False) -> str:
    """The first line of standard input, or what is typed without being shown.

    Raises BadInput where neither is there.
    """
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise BadInput(f"no terminal to ask for the {what}: --password-stdin reads it from stdin")
    asked: str = typer.prompt(
        what.capitalize(),
        hide_input=True,
        confirmation_prompt=twice,
        default="",
        show_default=False,
    )
    return asked
