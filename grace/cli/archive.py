"""`grace restore`, and what `grace verify` does with an archive."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.bar import bar
from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import BadInput

if TYPE_CHECKING:
    from grace.export.archive import Source
    from grace.export.proving import Proven
    from grace.export.restoring import Restored
    from grace.export.sealing import Tell
    from grace.ledger.note import VerifierKey

__all__ = ["is_archive", "key_of_age", "register", "verified"]

MAGIC = (b"PK", b"\x28\xb5\x2f\xfd", b"age-encryption.org/")


def register(app: typer.Typer) -> None:
    app.command()(restore)


def restore(
    archive: Annotated[str, typer.Argument(help="What `grace export` wrote: a path or URL.")],
    into: Annotated[str, typer.Option("--into", help="URL of an empty database.")],
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Only this log table; can be repeated.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", help="Public key to trust, or a file. Default: this log's own."),
    ] = None,
    identity: Annotated[
        Path | None, typer.Option("--identity", help="The age key file of an encrypted archive.")
    ] = None,
    new_origin: Annotated[
        bool,
        typer.Option("--new-origin", help="Go on under a new key: the old log lives elsewhere."),
    ] = False,
) -> None:
    """Fill an empty database from an archive, and prove what it then holds against the ledger.

    The target stays empty where a digest, the schema, a row or an expectation does not hold.

    Example: grace restore grace.zip --into sqlite:////srv/restored/grace.db --key audit/grace.pub

    Example: grace restore s3://backups/grace.zip --into postgresql://grace@db/restored
    """
    from grace.store import open_store
    from tasks.restoring import restored

    trusted, unlocks = _trusted(key), key_of_age(identity)
    with bar() as tell:
        done = restored(
            archive,
            lambda: open_store(into),
            trusted,
            datetime.now(UTC),
            identity=unlocks,
            tables=table or (),
            new_origin=new_origin,
            tell=tell,
        )
    emit(done, lambda: _account(done))


def _account(done: "Restored") -> str:
    said = f"Restored {done.rows:,} rows of {len(done.tables)} tables, each proven by the ledger."
    if done.partial:
        return f"{said}\nNot all tables: this database can be read, and does not go on as a log."
    if done.new_origin:
        return f"{said}\nIt goes on under a key of its own, made when it is first signed."
    return (
        f"{said}\nIt goes on as {done.origin} with that log's signing key, and only if its last "
        "checkpoint is the newest there is; else restore with --new-origin."
    )


def is_archive(source: "Source") -> bool:
    """A folder, or a file that begins as a ZIP, zstd or age file does."""
    if isinstance(source, Path):
        if source.is_dir():
            return True
        try:
            with open(source, "rb") as file:
                return file.read(32).startswith(MAGIC)
        except OSError:
            return False
    begins = source.file.read(32)
    source.file.seek(0)
    return begins.startswith(MAGIC)


def verified(
    source: "Source", key: str, identity: Path | None, tell: "Tell"
) -> tuple[dict[str, object], str]:
    """What `grace verify` answers to a program and to a person."""
    from grace.export.archive import opened
    from grace.export.progress import within
    from grace.export.proving import prove
    from grace.ledger.note import VerifierKey

    with opened(source, key_of_age(identity), within(tell, 0.0, 0.3)) as archive:
        proven = prove(archive, VerifierKey.parse(key), within(tell, 0.3, 1.0))
    return {"ok": True, **vars(proven)}, _proven(proven)


def _proven(proven: "Proven") -> str:
    whole = "all rows" if proven.complete else "rows"
    span = f"ledger index {proven.low:,} to {proven.size:,}"
    tables = f" of {len(proven.tables)} tables" if proven.tables else ""
    hidden = "" if proven.complete else "\nWhether rows were left out, such an export cannot show."
    return (
        f"The archive holds: {proven.rows:,} {whole}{tables} at {span} are those that "
        f"{proven.origin} signed.\nRoot {proven.root}{hidden}"
    )


def key_of_age(file: Path | None) -> str | None:
    """The text of an identity file; BadInput where it cannot be read."""
    if file is None:
        return None
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(f"--identity {file}: {problem}") from None


def _trusted(key: str | None) -> "VerifierKey":
    from grace.cli.verify import key_text
    from grace.ledger.note import VerifierKey
    from grace.notary.keys import public_key

    if key is not None:
        return VerifierKey.parse(key_text(key))
    found = public_key(settings())
    if found is None:
        raise BadInput("there is no public key here to check it with: name it by --key")
    return found
