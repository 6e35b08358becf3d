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
from grace.export.restoring import Restored
from grace.markdown import facts, plain
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
    held: Restored | None = None
    try:
        held = _restored(settings, backup, now)
    except GraceError as problem:
        reason = str(problem).removeprefix(f"{backup.path}: ")
    seconds = round(time.monotonic() - began, 3)
    rows = held.rows if held else 0
    drill = Drill(at=now, path=backup.path, rows=rows, seconds=seconds, reason=reason)
    record_drill(settings, store, drill)
    create_markdown_artifact(
        _page(drill, held),
        key=f"restore-drill-{settings.log}",
        description=f"the newest backup {'can' if drill.ok else 'CANNOT'} be restored",
    )
    if reason is not None:
        line = f"{drill.path} cannot be restored: {reason}"
        notify(settings, "a backup cannot be restored", line)
        raise CheckFailed(line)
    return drill


def _restored(settings: Settings, backup: Finished, now: datetime) -> Restored:
    """What the archive held; nothing of it is left behind."""
    key = public_key(settings)
    if key is None:
        raise CheckFailed("the log's public key is gone, so nothing can be proven by it")
    scratch = Path(tempfile.mkdtemp(prefix=".drill-", dir=settings.log_dir))
    tell = Progress(f"restore-drill-progress-{settings.log}")
    try:
        url = f"sqlite:///{scratch / 'grace.db'}"
        held = restored(backup.path, lambda: open_store(url), key, now, tell=tell)
        tell("restored and proven", 1.0)
        return held
    finally:
        shutil.rmtree(scratch)


def _page(drill: Drill, held: Restored | None) -> str:
    told = [("backup", plain(drill.path)), ("tried", f"{drill.at:%Y-%m-%d %H:%M:%S} UTC")]
    if held is None:
        told += [("reason", plain(drill.reason or "")), ("after", f"{drill.seconds:.1f} s")]
        return f"## The newest backup cannot be restored\n\n{facts(told)}"
    filled = sum(count > 0 for count in held.tables.values())
    signed = f"the tree of {held.size:,} leaves that {plain(held.origin)} signed"
    told += [
        ("restored", f"{held.rows:,} rows, in {filled} of {len(held.tables)} tables"),
        ("proven", f"each row, by {signed}"),
        ("took", f"{drill.seconds:.1f} s"),
    ]
    return (
        f"## The newest backup can be restored\n\n{facts(told)}\n"
        "It was restored into a database of its own, held against the ledger and against the "
        "expectations of each table, and thrown away; the log and the backup were only read.\n"
    )
