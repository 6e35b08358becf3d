"""Prefect's own database: a newer Prefect migrates it when its server starts.

Waiting approvals are rows in it. So there is a copy first, or a person's word that there is one.
"""

import os
import sqlite3
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from grace.errors import BadInput
from grace.installation.state import write_whole
from grace.settings import Settings
from grace.store.safety_copy import make_copy

__all__ = ["note_version", "prepare"]

_GIVEN = ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")


def prepare(settings: Settings, now: datetime, tell: Callable[[str], None]) -> None:
    """Call it before the server starts; does nothing where Prefect is that of the last start.

    Raises BadInput where a SQLite file cannot be copied, and for another database until
    `prefect_dumped_for` names the version that would migrate it.
    """
    before, after = _noted(settings), version("prefect")
    if before == after:
        return
    file = _file(settings)
    if file is not None:
        _copy(file, before, now, tell)
    elif before and settings.prefect_dumped_for != after:
        raise BadInput(
            f"Prefect {after} would migrate its database, which {before} used last: take a dump of "
            f"it (pg_dump), then say so by GRACE_PREFECT_DUMPED_FOR={after}"
        )


def note_version(settings: Settings) -> None:
    """Call it once the server runs."""
    if _noted(settings) != version("prefect"):
        write_whole(_note(settings), version("prefect"))


def _copy(file: Path, before: str | None, now: datetime, tell: Callable[[str], None]) -> None:
    if not file.exists():
        return
    try:
        copy = make_copy(file, before or "unknown", now)
    except (OSError, sqlite3.Error) as problem:
        needed = file.stat().st_size / 2**20
        raise BadInput(
            f"{file} cannot be copied before a newer Prefect migrates it ({problem}): make room "
            f"for {needed:,.0f} MiB in {file.parent}"
        ) from problem
    tell(f"Prefect's database is copied to {copy}, for a newer Prefect may migrate it")


def _file(settings: Settings) -> Path | None:
    """None where it is no SQLite file."""
    given = next(filter(None, map(os.environ.get, _GIVEN)), None)
    if given is None:
        return settings.prefect_home / "prefect.db"
    try:
        url = make_url(given)
    except ArgumentError:  # the server says what is wrong with it
        return None
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _note(settings: Settings) -> Path:
    return settings.run_dir / "prefect-version"


def _noted(settings: Settings) -> str | None:
    try:
        return _note(settings).read_text().strip() or None
    except FileNotFoundError:
        return None
