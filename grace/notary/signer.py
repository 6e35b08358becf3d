"""The one signer of a log: it grows by what was appended, and by nothing else."""

import os
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from grace.errors import GraceError, LedgerBroken
from grace.files import locked, read_text, write_whole
from grace.ledger import tiles
from grace.ledger.merkle import verify_consistency
from grace.ledger.note import Checkpoint, SigningKey, VerifierKey, sign_note
from grace.notary import checkpoints, keys
from grace.notary.checkpoints import insist
from grace.notary.head import head_size
from grace.notary.publishing import publish
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.database import be_patient
from grace.store.tile_table import DatabaseTiles

__all__ = ["keep_signing", "sign"]

BUSY_SECONDS = 5.0  # a locked database is tried again: the signer must hear SIGTERM


def sign(
    settings: Settings, store: Store, now: datetime, *, entropy: keys.Entropy = os.urandom
) -> Checkpoint:
    """Sign the tree as it stands; where nothing grew, the checkpoint that there is.

    Raises LedgerBroken where the tree does not extend what was signed before, Unreachable where
    the checkpoint is signed and kept but could not be published.
    """
    with locked(settings.log_dir / "signer.lock"):
        outside = read_text(settings.checkpoint_file)
        with store.reading() as connection:
            last = checkpoints.newest(connection)
            if outside is None and checkpoints.count(connection) > 1:
                raise _outside_is_gone(settings)
            key = _key(settings, signed_before=bool(last or outside), entropy=entropy)
            known = _known(settings, key.verifier, last, outside)
            checkpoint = _head(connection, key.name, known)
        note = _note(store, checkpoint, key, last, now)
        if note != outside:
            write_whole(settings.checkpoint_file, note)
        publish(settings, note)
    return checkpoint


def _outside_is_gone(settings: Settings) -> LedgerBroken:
    """After the first signing the file is only ever replaced: somebody took it away."""
    path = settings.checkpoint_file
    return LedgerBroken(
        f"the outside checkpoint {path} is gone: put back a copy; only if this database is surely "
        f"the newest, `grace ledger checkpoint > {path}`"
    )


def _key(settings: Settings, *, signed_before: bool, entropy: keys.Entropy) -> SigningKey:
    key = keys.load_key(settings)
    if key is None and signed_before:
        raise LedgerBroken(
            f"this log was signed before, and its key is gone: put it back at {settings.key_file}"
        )
    return key or keys.make_key(settings, entropy)


def _known(
    settings: Settings, key: VerifierKey, last: str | None, outside: str | None
) -> dict[str, Checkpoint]:
    notes = {"the newest stored checkpoint": last, str(settings.checkpoint_file): outside}
    return {where: insist(note, key, where) for where, note in notes.items() if note is not None}


def _head(connection: sa.Connection, origin: str, known: dict[str, Checkpoint]) -> Checkpoint:
    """The tree's head as its tiles give it, once it is proven to extend what is known."""
    table = DatabaseTiles(connection)
    size = head_size(connection)
    head = Checkpoint(origin, size, tiles.root(table, size))
    for where, before in known.items():
        _check_extends(table, where, before, head)
    return head


def _check_extends(table: tiles.Tiles, where: str, before: Checkpoint, head: Checkpoint) -> None:
    if before.size > head.size:
        raise LedgerBroken(
            f"{where} was signed at {before.size} rows and the database holds {head.size}: "
            "it was cut short or an old copy was restored; nothing is signed"
        )
    proof = tiles.consistency_proof(table, before.size, head.size)
    if not verify_consistency(before.size, head.size, proof, before.root, head.root):
        raise LedgerBroken(
            f"the tree of {head.size} rows does not extend the one signed at {before.size} "
            f"({where}): nothing is signed; run `grace ledger verify`"
        )


def _note(
    store: Store, checkpoint: Checkpoint, key: SigningKey, last: str | None, now: datetime
) -> str:
    """The checkpoint's note, stored; the stored one where the tree is as large as it says."""
    if last is not None and insist(last, key.verifier, "it") == checkpoint:
        return last
    note = sign_note(checkpoint.text, key)
    with store.writing(now) as writer:
        checkpoints.add(writer.connection, checkpoint, note, now)
    return note


def keep_signing(
    settings: Settings,
    every_seconds: float,
    *,
    clock: Callable[[], datetime],
    wait: Callable[[float], bool],
    tell: Callable[[str], None],
) -> None:
    """Sign again and again until `wait(seconds)` says True; `tell` hears what changed.

    Nothing a log can suffer ends it: no database yet, a locked or a broken one, a full disk.
    """
    told: str | None = None
    while True:
        size, problem = _attempt(settings, clock())
        if problem != told:
            tell(problem or f"signed {size} rows")
            told = problem
        if wait(every_seconds):
            return


def _attempt(settings: Settings, now: datetime) -> tuple[int, str]:
    """One round: the size signed, and what was wrong if anything.

    The database is opened anew each time: a restored one is another file by the same name.
    """
    try:
        store = open_store(settings.url, create=False)
        be_patient(store, BUSY_SECONDS)
        try:
            return sign(settings, store, now).size, ""
        finally:
            store.engine.dispose()
    except (GraceError, OSError) as problem:
        return 0, f"not signed: {problem}"
    except sa.exc.DBAPIError as problem:
        return 0, f"not signed: {problem.orig}; trying again"
