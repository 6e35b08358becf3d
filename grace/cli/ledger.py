"""`grace ledger …`: the tamper-evident log behind everything else."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit, progress
from grace.errors import BadInput, LedgerBroken

if TYPE_CHECKING:
    from grace.notary.verify import Verification

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    ledger = typer.Typer(no_args_is_help=True, help="Sign and verify the tamper-evident log.")
    for command in (verify, checkpoint, key, sign, prove, export):
        ledger.command()(command)
    app.add_typer(ledger, name="ledger")


def verify(
    key: Annotated[
        str | None,
        typer.Option(
            "--key", help="Public key to trust, or a file of it. Default: the one beside the log."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A checkpoint kept elsewhere. Default: the one beside the log."),
    ] = None,
) -> None:
    """Check every row against the tree, and the tree against every checkpoint.

    Exit code 1 and the first bad index where something was changed, 0 where nothing was.

    Example: grace ledger verify --key audit/grace.pub --checkpoint audit/checkpoint
    """
    from grace.cli.verify import key_text
    from grace.ledger.note import VerifierKey
    from grace.notary.state import remember
    from grace.notary.verify import verify as check
    from grace.store import open_store

    if checkpoint is not None and not checkpoint.is_file():
        raise BadInput(f"there is no checkpoint at {checkpoint}")
    trusted = VerifierKey.parse(key_text(key)) if key else None
    store = open_store(settings().url, create=False)
    found = check(settings(), store, key=trusted, checkpoint=checkpoint)
    with suppress(PermissionError):  # an auditor's copy may be read-only
        remember(settings(), found, datetime.now(UTC))
    outside = checkpoint or settings().checkpoint_file
    emit(found, lambda: _account(found) + ("" if outside.is_file() else _nothing_at(outside)))
    if not found.ok:
        raise LedgerBroken(_complaint(found))


def _account(found: "Verification") -> str:
    signed = f"signed up to {found.signed_size}" if found.signed_size else "never signed"
    verdict = "holds" if found.ok else "does NOT hold"
    return f"The log {verdict}: {found.size} rows, {signed}.\nRoot {found.root}"


def _nothing_at(outside: Path) -> str:
    return f"\nThere is no checkpoint at {outside}: an old copy that was put back would not show."


def _complaint(found: "Verification") -> str:
    index = found.first_bad_index
    begin = "no row" if index is None else f"first bad index {index}"
    return f"{found.kind}: {begin}: {found.reason}"


def checkpoint() -> None:
    """Print the newest signed checkpoint, as it is published.

    Example: grace ledger checkpoint > audit/checkpoint
    """
    from grace.ledger.note import Checkpoint, Note
    from grace.notary.checkpoints import newest
    from grace.store import open_store

    with open_store(settings().url, create=False).reading() as connection:
        note = newest(connection)
    if note is None:
        raise BadInput("nothing has been signed yet: `grace ledger sign` does it once")
    signed = Checkpoint.parse(Note.parse(note).text)
    root = signed.text.split("\n")[2]
    emit({"origin": signed.origin, "size": signed.size, "root": root, "note": note}, note.rstrip())


def key() -> None:
    """Print the public key, which is all that a verifier needs to trust.

    Example: grace ledger key > audit/grace.pub
    """
    from grace.notary.keys import public_key

    found = public_key(settings())
    if found is None:
        raise BadInput("there is no key yet: it is made when the log is first signed")
    emit({"key": str(found), "name": found.name, "key_id": found.key_id}, str(found))


def sign(
    every: Annotated[
        float | None,
        typer.Option(min=1, help="Seconds from one signing to the next, until the process ends."),
    ] = None,
) -> None:
    """Sign what the log holds now; makes the key when there is none.

    Example: grace ledger sign --every 60
    """
    from grace.notary.signer import keep_signing
    from grace.notary.signer import sign as sign_once
    from grace.notary.waiting import Interruptible
    from grace.store import open_store

    if every is not None:
        with Interruptible() as waiting:
            keep_signing(
                settings(), every, clock=lambda: datetime.now(UTC), wait=waiting, tell=progress
            )
        return
    store = open_store(settings().url, create=False)
    signed = sign_once(settings(), store, datetime.now(UTC))
    root = signed.text.split("\n")[2]
    told = {"origin": signed.origin, "size": signed.size, "root": root}
    emit(told, f"Signed {signed.size} rows, root {root}")


def prove(
    row: Annotated[str, typer.Argument(help="A ledger index, the id of a row, or TABLE/KEY.")],
    to: Annotated[
        Path | None, typer.Option(help="The file to write. Default: entry-INDEX.tlog-proof here.")
    ] = None,
) -> None:
    """Write the proof that one row is in the signed log, as c2sp.org/tlog-proof describes it.

    Example: grace ledger prove decisions/0195-abc:answer-1
    """
    from grace.files import write_whole
    from grace.proof.tlog import index_of, tlog_proof
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    index = index_of(store, row)
    text = tlog_proof(store, index)
    file = to or Path(f"entry-{index}.tlog-proof")
    try:
        write_whole(file, text)
    except OSError as problem:
        raise BadInput(f"{file}: {problem.strerror}") from None
    emit({"path": str(file), "index": index}, f"Entry {index} is in the log: {file}")


def export(
    folder: Annotated[Path, typer.Argument(help="A folder; what is there already is kept.")],
) -> None:
    """Lay the log out in tiles that a plain web server can serve (c2sp.org/tlog-tiles).

    Entries hold salted digests and no payload. Run again, it adds what is new.

    Example: grace ledger export /srv/www/grace
    """
    from grace.proof.tlog import write_static
    from grace.store import open_store

    def tell(done: int, size: int) -> None:
        if done % 100_000 < 256:
            progress(f"{done} of {size} entries")

    try:
        signed = write_static(open_store(settings().url, create=False), folder, tell)
    except OSError as problem:
        raise BadInput(f"{problem.filename or folder}: {problem.strerror}") from None
    told = {"path": str(folder), "origin": signed.origin, "size": signed.size}
    emit(told, f"{signed.size} entries of {signed.origin} in {folder}")
