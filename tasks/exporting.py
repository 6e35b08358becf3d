"""An export from its first row to its name: sealed, validated, written, remembered and told."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from grace.errors import BadInput, CheckFailed
from grace.export.history import Finished, last_export, remember_export
from grace.export.manifest import Manifest
from grace.export.progress import within
from grace.export.request import ExportRequest
from grace.export.sealing import Sealed, Tell, seal
from grace.export.validated import Validate, Validated
from grace.files import locked
from grace.ledger.note import Checkpoint
from grace.notary import checkpoints
from grace.notary.keys import public_key
from grace.settings import Settings
from grace.store import Store
from tasks.archive_target import writing
from tasks.archive_writing import ArchiveWriting
from tasks.file_places import without_secrets

__all__ = ["export"]


def export(
    settings: Settings,
    store: Store,
    request: ExportRequest,
    now: datetime,
    *,
    validate: Validate,
    tell: Tell,
) -> Finished:
    """Export what the newest checkpoint signs; there is one export of a log at a time.

    Raises CheckFailed where the rows fail their suite, and leaves no archive then; BadInput where
    nothing was signed yet, or nothing can be written there.
    """
    if complaint := request.complaint():
        raise BadInput(complaint)
    with locked(settings.log_dir / "export.lock"):
        note, checkpoint = _signed(settings, store)
        before = last_export(settings, checkpoint.origin, request.scope, request.chosen)
        low = before.size if request.since_last and before else 0
        # what was restored from an older copy is smaller than what was exported of it
        low = min(low, checkpoint.size)
        sealed = seal(settings, store, checkpoint, within(tell, 0.0, 0.5))
        validated = _validated(request, sealed, low, validate, within(tell, 0.5, 0.7))
        url = _absolute(request.to or str(_own_place(settings, request, checkpoint, now)))
        _remove_drafts(settings)
        work = ArchiveWriting(store, request, sealed, checkpoint, note, low, validated, now)
        with writing(url, request) as adding:
            made = work.write(adding, str(public_key(settings)), within(tell, 0.7, 1.0))
        finished = _finished(url, made, request, checkpoint, now)
        remember_export(settings, finished)
    _record(store, finished, now)
    return finished


def _signed(settings: Settings, store: Store) -> tuple[str, Checkpoint]:
    key = public_key(settings)
    with store.reading() as connection:
        note = checkpoints.newest(connection)
    if note is None or key is None:
        raise BadInput("nothing has been signed yet, so nothing can be proven: `grace ledger sign`")
    return note, checkpoints.insist(note, key, "the newest stored checkpoint")


def _validated(
    request: ExportRequest, sealed: Sealed, low: int, validate: Validate, tell: Tell
) -> Validated | None:
    if not request.chosen:
        return None
    found = validate(sealed, request.chosen, low, tell)
    if found.failures and not request.unvalidated:
        raise CheckFailed(
            f"not exported, because the rows fail {len(found.failures)} of their expectations: "
            f"{'; '.join(found.failures[:3])}; `grace validate --failing` shows the rows"
        )
    return found


def _absolute(url: str) -> str:
    return url if "://" in url or "::" in url else os.path.abspath(url)


def _own_place(
    settings: Settings, request: ExportRequest, checkpoint: Checkpoint, now: datetime
) -> Path:
    moment = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    name = f"grace-{settings.log}-{request.scope}-{checkpoint.size:012d}-{moment}"
    if not request.folder:
        name += ".zip" + ".zst" * request.zstd + ".age" * bool(request.age)
    return settings.log_dir / "exports" / name


def _remove_drafts(settings: Settings) -> None:
    """What a kill left of earlier exports under the data folder."""
    for draft in (settings.log_dir / "exports").glob(".grace-*.part"):
        if draft.is_dir():
            shutil.rmtree(draft)
        else:
            draft.unlink()


def _finished(
    url: str, made: Manifest, request: ExportRequest, checkpoint: Checkpoint, now: datetime
) -> Finished:
    return Finished(
        at=now,
        path=without_secrets(url),
        scope=request.scope,
        tables=request.chosen,
        format=request.format,
        newest=request.newest,
        low=made.low,
        size=made.size,
        rows=made.rows,
        bytes=sum(file.bytes for file in made.files),
        origin=checkpoint.origin,
        validated=made.validated,
    )


def _record(store: Store, finished: Finished, now: datetime) -> None:
    """The event `export.written`: who reads the log can see what left it."""
    told = finished.model_dump(mode="json", include={"scope", "low", "size", "rows", "validated"})
    with store.writing(now) as writer:
        writer.event("export.written", finished.path, told)
