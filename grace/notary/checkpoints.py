"""Checkpoints as they are kept: in the database, and the last one outside it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from grace.errors import LedgerBroken
from grace.ledger.note import Checkpoint, Note, VerifierKey
from grace.store.schema import checkpoints

__all__ = ["Signed", "add", "count", "insist", "newest", "read_note"]


@dataclass(frozen=True)
class Signed:
    """A checkpoint as its note says it, whoever signed it.

    `where` is what messages call it. `signer` is name and id of the key it was checked with, where
    that key signed it (`valid`), else of whoever did.
    """

    where: str
    outside: bool
    checkpoint: Checkpoint
    signer: str
    valid: bool


def read_note(note: str | bytes, key: VerifierKey, where: str, *, outside: bool = False) -> Signed:
    """ValueError where the note is no checkpoint, or its signature by `key` is wrong."""
    parsed = Note.parse(note)
    checkpoint = Checkpoint.parse(parsed.text)
    standing = parsed.standing(key)
    if standing == "invalid":
        raise ValueError(f"its signature by {key.key_id} is wrong")
    valid = standing == "valid"
    if valid and checkpoint.origin != key.name:
        raise ValueError(f"it is of {checkpoint.origin}, signed by the key of {key.name}")
    by = key if valid else parsed.signatures[0]
    return Signed(where, outside, checkpoint, f"{by.name}+{by.key_id}", valid)


def insist(note: str, key: VerifierKey, where: str) -> Checkpoint:
    """The checkpoint of a note that must be `key`'s: LedgerBroken where it is not."""
    try:
        signed = read_note(note, key, where)
    except ValueError as problem:
        raise LedgerBroken(f"{where} is damaged: {problem}") from None
    if not signed.valid:
        raise LedgerBroken(
            f"{where} was signed by another key: {signed.signer}, where this log's is "
            f"{key.name}+{key.key_id}"
        )
    return signed.checkpoint


def newest(connection: sa.Connection) -> str | None:
    """The note of the largest size stored, None where nothing was signed."""
    query = sa.select(checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()


def count(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(checkpoints)).scalar_one()


def add(connection: sa.Connection, signed: Checkpoint, note: str, now: datetime) -> None:
    values = {"size": signed.size, "note": note, "signed_at": now}
    connection.execute(checkpoints.insert().values(values))
