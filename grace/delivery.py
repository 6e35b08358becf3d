"""How the rows of logging calls reach the log: at once, or by the spool while it is away."""

import logging
import os
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from time import monotonic

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from grace.calls import SOURCE, Call, expected, land, write_call
from grace.errors import GraceError
from grace.ingestion.counts import Ingested
from grace.spool import Spool, take_file
from grace.store import Store, open_store
from grace.store.append import NO_ZERO
from grace.store.database import be_patient

__all__ = ["AWAY", "Delivery", "open_live"]

LOGGER = logging.getLogger("grace")
# a caller waits so long for a log that others write, and not at all for some time thereafter
BUSY_SECONDS = 10.0
REST_SECONDS = 5.0
AWAY = (sa.exc.SQLAlchemyError, sqlite3.Error, OSError, GraceError)


class Delivery:
    """The way of one process into one log."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._spool = Spool(folder)
        self._rests_until = 0.0

    def deliver(self, calls: Sequence[Call], now: datetime) -> int:
        """How many rows are new in the log; never raises for what became of them."""
        _tell_refused(calls)
        if monotonic() >= self._rests_until:
            try:
                return self._log(calls, now)
            except AWAY as problem:
                self._rests_until = monotonic() + REST_SECONDS
                _opened.cache_clear()  # it may be another database when it is back
                said = " ".join(str(getattr(problem, "orig", None) or problem).split())
                LOGGER.warning("the log cannot be reached (%s); rows go to %s", said, self._folder)
        self._put(calls, now)
        return 0

    def _log(self, calls: Sequence[Call], now: datetime) -> int:
        store = open_live(self._url)
        waiting = self._spool.waiting
        if waiting is not None and not take_file(store, waiting, now)[1]:
            self._put(calls, now)  # behind those that wait: what is later must land later
            return 0
        with store.writing(now, expected(calls)) as writer:
            done = land(writer, calls, SOURCE)
        _tell_unfit(calls, done)
        return done.landed

    def _put(self, calls: Sequence[Call], now: datetime) -> None:
        lines = [write_call(call) for call in calls]
        try:
            self._spool.put(lines, now)
        except OSError as problem:
            for line in lines:
                LOGGER.warning("a row is lost, neither log nor spool (%s): %s", problem, line)


def _tell_refused(calls: Sequence[Call]) -> None:
    refused = [call.refusal for call in calls if call.refusal is not None]
    if refused:
        first = refused[0]
        LOGGER.warning(
            "%d of %d rows of %s go to the quarantine; the first: %s",
            len(refused),
            len(calls),
            first.log_table,
            first.reason,
        )


def _tell_unfit(calls: Sequence[Call], done: Ingested) -> None:
    """Only the database knew that it cannot hold these."""
    unfit = sum(done.quarantined.values()) - sum(call.refusal is not None for call in calls)
    if unfit:
        LOGGER.warning("%d of %d rows go to the quarantine: %s", unfit, len(calls), NO_ZERO)


def open_live(url: str) -> Store:
    """Opened once a process, and again when another file lies in its place."""
    if _file(url) is None:
        open_store(url).engine.dispose()
    return _opened(url, os.getpid(), _file(url))


def _file(url: str) -> tuple[int, int] | None:
    """Which file it is, whatever its name; None while there is none, and 0, 0 on a server."""
    try:
        if (path := _path(url)) is None:
            return 0, 0
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@lru_cache(maxsize=4)
def _path(url: str) -> str | None:
    """Where SQLite's file lies; None of a database on a server."""
    place = make_url(url)
    return (place.database or "") if place.get_backend_name() == "sqlite" else None


@lru_cache(maxsize=4)
def _opened(url: str, process: int, file: tuple[int, int] | None) -> Store:
    """A connection must not be carried over a fork, nor to a file that was deleted."""
    store = open_store(url)
    be_patient(store, BUSY_SECONDS)
    return store
