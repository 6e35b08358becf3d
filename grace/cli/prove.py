"""`grace prove`: one improvement as a file that a stranger can check."""

from pathlib import Path
from typing import Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import BadInput

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(prove)


def prove(
    proposal: Annotated[str, typer.Argument(help="The proposal's id, or its beginning or end.")],
    to: Annotated[
        Path | None, typer.Option(help="The file to write. Default: grace-ID.proof here.")
    ] = None,
) -> None:
    """Write everything about one change into a file that proves itself: evidence to outcome.

    Whoever has the log's public key (`grace ledger key`) checks it with `grace verify FILE --key
    PUB` or with `grace-verify`, with no database and no network.

    Example: grace prove 8ce6307d4f92 --to for-the-auditor.proof
    """
    from rich.markup import escape

    from grace.files import write_whole
    from grace.proof.improvement import prove as make_proof
    from grace.store import open_store
    from grace.verifier import told

    store = open_store(settings().url, create=False)
    text, proven = make_proof(settings(), store, proposal)
    file = to or Path(f"grace-{proven.proposal_id[-12:]}.proof")
    try:
        write_whole(file, text, 0o644)
    except OSError as problem:
        raise BadInput(f"{file}: {problem.strerror}") from None
    said = {"path": str(file), **vars(proven)}
    emit(said, f"{escape(told(proven))}\n\nWritten to {file}, {len(text) / 1024:.0f} kB.")
