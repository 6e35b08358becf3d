"""The copy of a database that lies beside it before a migration touches it.

A migration commits whole or not at all; the copy is for the release that has to be rolled back.
"""

import os
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["KEPT", "copies", "make_copy"]

KEPT = 3


def make_copy(path: Path, revision: str, now: datetime) -> Path:
    """A copy of what is committed at `path`, on the disk when this returns; older ones go.

    Named `grace.db.REVISION-TIME.bak`. The caller keeps writers away until it has migrated.
    Raises OSError or sqlite3.Error where it cannot be made whole, and leaves nothing of it behind.
    """
    copy = path.with_name(f"{path.name}.{revision}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.bak")
    unfinished = copy.with_suffix(".part")
    try:
        _write(path, unfinished)
        unfinished.replace(copy)
        _sync(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    for old in copies(path)[:-KEPT]:
        old.unlink()
    return copy


def copies(path: Path) -> list[Path]:
    """The copies of the database at `path`, oldest first; no file that somebody else named."""
    named = re.compile(re.escape(path.name) + r"\.[\w.]+-(\d{8}T\d{6}Z)\.bak")
    found = ((named.fullmatch(file.name), file) for file in path.parent.iterdir())
    return [file for _, file in sorted((match[1], file) for match, file in found if match)]


def _write(path: Path, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        # no journal and no sync of its own: it is thrown away unless it becomes whole
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        source.backup(target)
    shutil.copymode(path, copy)
    _sync(copy)


def _sync(place: Path) -> None:
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
