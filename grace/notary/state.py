"""What is known of a log's signatures without checking anything: for status pages."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, ValidationError

from grace.files import read_text, write_whole
from grace.ledger import tiles
from grace.notary.head import head_size
from grace.notary.verify import Verification
from grace.settings import Settings
from grace.store import Store
from grace.store.schema import checkpoints
from grace.store.tile_table import DatabaseTiles

__all__ = ["LedgerState", "ledger_state", "remember"]


class _Remembered(BaseModel):
    """The last verification, as a file beside the key keeps it."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    ok: bool
    size: int


@dataclass(frozen=True)
class LedgerState:
    """`root` is in base64; `verified_at` is None where the log was never verified here."""

    size: int
    root: str
    signed_size: int
    signed_at: datetime | None
    verified_at: datetime | None
    verified_ok: bool | None
    verified_size: int | None


def ledger_state(settings: Settings, store: Store) -> LedgerState:
    """LedgerBroken where head and tiles do not even give a root."""
    newest = sa.select(checkpoints.c.size, checkpoints.c.signed_at)
    with store.reading() as connection:
        size = head_size(connection)
        signed = connection.execute(newest.order_by(checkpoints.c.size.desc()).limit(1)).first()
        root = b64encode(tiles.root(DatabaseTiles(connection), size)).decode()
    last = _recall(settings)
    return LedgerState(
        size=size,
        root=root,
        signed_size=signed.size if signed else 0,
        signed_at=signed.signed_at if signed else None,
        verified_at=last.at if last else None,
        verified_ok=last.ok if last else None,
        verified_size=last.size if last else None,
    )


def remember(settings: Settings, found: Verification, now: datetime) -> None:
    """Keep when the log was last verified, and with what result."""
    kept = _Remembered(at=now, ok=found.ok, size=found.size)
    write_whole(settings.log_dir / "verification.json", kept.model_dump_json() + "\n")


def _recall(settings: Settings) -> _Remembered | None:
    text = read_text(settings.log_dir / "verification.json")
    try:
        return None if text is None else _Remembered.model_validate_json(text)
    except ValidationError:
        return None
