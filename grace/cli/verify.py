"""`grace verify FILE`: check what left the house, with nothing but a public key."""

from pathlib import Path
from typing import Annotated

import typer

from grace.cli.output import emit
from grace.errors import BadInput, CheckFailed

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(verify)


def verify(
    file: Annotated[Path, typer.Argument(help="What `grace prove` or `grace export` wrote.")],
    key: Annotated[str, typer.Option("--key", help="The log's public key, or a file of it.")],
    reviewer: Annotated[
        str | None,
        typer.Option("--reviewer", help="Of a proof: this public key must have signed the answer."),
    ] = None,
    identity: Annotated[
        Path | None, typer.Option("--identity", help="The age key file of an encrypted archive.")
    ] = None,
) -> None:
    """Check a proof or an archive without database or network, and tell what it proves.

    Exit code 0: proven; 1: not proven, with the reason.

    Example: grace verify for-the-auditor.proof --key audit/grace.pub
    """
    from grace.cli.archive import is_archive, verify_archive

    if is_archive(file):
        return verify_archive(file, key_text(key), identity)
    return _verify_proof(file, key_text(key), reviewer and key_text(reviewer))


def _verify_proof(file: Path, key: str, reviewer: str | None) -> None:
    from rich.markup import escape

    from grace.verifier import NotProven, check, told

    try:
        text = file.read_bytes().decode()
    except OSError as problem:
        raise BadInput(f"{file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise CheckFailed(f"{file}: it is no text, so no proof") from None
    try:
        proven = check(text, key, reviewer)
    except NotProven as problem:
        raise CheckFailed(f"{file} is NOT proven: {problem}") from None
    emit({"ok": True, **vars(proven)}, escape(told(proven)))


def key_text(given: str) -> str:
    """The key itself, or what the file of that name holds; BadInput where it is neither."""
    from grace.ledger.note import VerifierKey
    from grace.notary.keys import read_verifier

    if Path(given).is_file():
        return str(read_verifier(Path(given)))
    try:
        return str(VerifierKey.parse(given))
    except ValueError as problem:
        raise BadInput(f"--key {given}: neither a file nor a key: {problem}") from None
