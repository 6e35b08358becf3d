"""`grace verify FILE`: check what left the house, with nothing but a public key."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.bar import bar
from grace.cli.output import emit
from grace.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from grace.export.archive import Source

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(verify)


def verify(
    file: Annotated[
        str, typer.Argument(help="What `grace prove` or `grace export` wrote: a path or URL.")
    ],
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

    Exit code 0: proven; 1: not proven, with the reason. What lies at a URL is fetched first.

    Example: grace verify for-the-auditor.proof --key audit/grace.pub

    Example: grace verify s3://backups/grace.zip --key audit/grace.pub
    """
    from grace.cli.archive import is_archive, verified
    from grace.export.progress import within
    from tasks.archive_source import reading

    trusted, signer = key_text(key), reviewer and key_text(reviewer)
    with bar() as tell, reading(file, within(tell, 0.0, 0.3)) as source:
        if is_archive(source):
            answer = verified(source, trusted, identity, within(tell, 0.3, 1.0))
        else:
            answer = _verified_proof(source, trusted, signer)
    emit(*answer)


def _verified_proof(
    source: "Source", key: str, reviewer: str | None
) -> tuple[dict[str, object], str]:
    from rich.markup import escape

    from grace.verifier import NotProven, check, told

    try:
        content = source.read_bytes() if isinstance(source, Path) else source.file.read()
        proven = check(content.decode(), key, reviewer)
    except OSError as problem:
        raise BadInput(f"{source}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise CheckFailed(f"{source}: it is no text, so no proof") from None
    except NotProven as problem:
        raise CheckFailed(f"{source} is NOT proven: {problem}") from None
    return {"ok": True, **vars(proven)}, escape(told(proven))


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
