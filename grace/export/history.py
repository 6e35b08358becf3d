"""Which exports were finished, newest last: for *since the last one*, and for the status page."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from grace.export.manifest import Scope
from grace.files import read_text, write_whole
from grace.settings import Settings

__all__ = ["Finished", "last_backup", "last_export", "read_history", "remember_export"]

KEPT = 1000


class Finished(BaseModel):
    """One export: the rows at `low` to `size` (exclusive) of the log of this `origin`."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    path: str
    scope: Scope
    tables: tuple[str, ...]
    format: str
    newest: bool
    low: int
    size: int
    rows: int
    bytes: int
    origin: str
    validated: bool | None


class _History(BaseModel):
    finished: list[Finished] = []


def read_history(settings: Settings) -> list[Finished]:
    text = read_text(settings.log_dir / "exports.json")
    try:
        return [] if text is None else _History.model_validate_json(text).finished
    except ValidationError:
        return []


def last_backup(settings: Settings) -> Finished | None:
    """The newest export that a whole log can be restored from."""
    whole = (
        one
        for one in reversed(read_history(settings))
        if one.scope == "all" and not one.low and not one.newest and one.validated
    )
    return next(whole, None)


def last_export(
    settings: Settings, origin: str, scope: Scope, tables: tuple[str, ...]
) -> Finished | None:
    """The newest of this log that holds the same tables."""
    same = (
        one
        for one in reversed(read_history(settings))
        if (one.origin, one.scope, one.tables) == (origin, scope, tables)
    )
    return next(same, None)


def remember_export(settings: Settings, finished: Finished) -> None:
    """The caller keeps other exports away."""
    kept = [*read_history(settings), finished][-KEPT:]
    text = _History(finished=kept).model_dump_json(indent=1)
    write_whole(settings.log_dir / "exports.json", text + "\n", mode=0o600)
