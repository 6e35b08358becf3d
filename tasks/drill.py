"""The restore drill: the newest backup is restored beside the log, proven, and thrown away."""

import shutil
import tempfile
import time
from datetime import datetime
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact

from grace.errors import BadInput, CheckFailed, GraceError
from grace.export.drill import Drill, record_drill
from grace.export.history import Finished, last_backup
from grace.notary.keys import public_key
from grace.settings import Settings
from grace.store import open_store
from tasks.notices import notify
from tasks.progress import Progress
from tasks.restoring import restored

__all__ = ["drill_restore"]


@task
def drill_restore(settings: Settings, now: datetime) -> Drill:
    """Whether the newest backup can be restored; the log and the backup are only read for it.

    Raises CheckFailed where it cannot, which somebody is told of; BadInput without a backup.
    """
    backup = last_backup(settings)
    if backup is None:
        raise BadInput("there is no backup to try: `grace export` makes one")
    store, began = open_store(settings.url, create=False), time.monotonic()
    reason: str | None = None
    rows = 0
    try:
        rows = _restored(settings, backup, now)
    except GraceError as problem:
        reason = str(problem).removeprefix(f"{backup.path}: ")
    seconds = round(time.monotonic() - began, 3)
    drill = Drill(at=now, path=backup.path, rows=rows, seconds=seconds, reason=reason)
    record_drill(settings, store, drill)
    line = _line(drill)
    create_markdown_artifact(
        f"## Restore drill\n\n{line}\n", key=f"restore-drill-{settings.log}", description=line[:60]
    )
    if reason is not None:
        notify(settings, "a backup cannot be restored", line)
        raise CheckFailed(line)
    return drill


def _restored(settings: Settings, backup: Finished, now: datetime) -> int:
    """How many rows, each proven; nothing of them is left behind."""
    key = public_key(settings)
    if key is None:
        raise CheckFailed("the log's public key is gone, so nothing can be proven by it")
    scratch = Path(tempfile.mkdtemp(prefix=".drill-", dir=settings.log_dir))
    tell = Progress(f"restore-drill-progress-{settings.log}")
    try:
        url = f"sqlite:///{scratch / 'grace.db'}"
        rows = restored(backup.path, lambda: open_store(url), key, now, tell=tell).rows
        tell("restored and proven", 1.0)
        return rows
    finally:
        shutil.rmtree(scratch)


def _line(drill: Drill) -> str:
    if drill.ok:
        return f"{drill.path}: {drill.rows:,} rows restored and proven in {drill.seconds:.1f} s"
    return f"{drill.path} cannot be restored: {drill.reason}"
