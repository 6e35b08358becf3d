"""Writers of a SQLite file go one after the other in the order they came.

SQLite itself lets a waiting writer sleep up to a tenth of a second and then try its luck: with
eight of them one call in a hundred waits a second and more. Here each takes the next ticket and
waits for the one before it alone (the queue of Craig, and of Landin and Hagersten). A ticket is a
lock on one byte of a small file, which the kernel lets go of when its holder dies.

The queue is a courtesy, and SQLite's own lock what counts: who has waited too long, or finds no
queue here, goes on without a turn, as do programs that know of none.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

__all__ = ["taking_turns"]

# of an open file rather than of a process, so that threads queue too; Linux has them
SET_LOCK: int | None = getattr(fcntl, "F_OFD_SETLK", None)
FLOCK = struct.Struct("hhqqi4x").pack  # type, whence, start, length, process
DOOR = 0  # the byte that is held while a ticket is drawn; those of the tickets come after it
TICKETS = 2**32
TICKET_BYTES = 8
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.0005, 0.02


@contextmanager
def taking_turns(file: Path, patience_seconds: float) -> Iterator[None]:
    """Wait for all who came before, though not longer than `patience_seconds`."""
    descriptor = _opened(file)
    try:
        if descriptor is not None:
            _wait(descriptor, monotonic() + patience_seconds)
        yield
    finally:
        if descriptor is not None:
            # a child that was forked meanwhile has the file open as well
            _set(descriptor, fcntl.F_UNLCK, DOOR, 0)
            os.close(descriptor)


def _opened(file: Path) -> int | None:
    """None where there can be no queue; who may not write here cannot write the database either."""
    if SET_LOCK is None:
        return None
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        return None


def _wait(descriptor: int, until: float) -> None:
    if not _locked(descriptor, fcntl.F_WRLCK, DOOR, until):
        return
    ticket = _draw(descriptor)
    _set(descriptor, fcntl.F_WRLCK, 1 + ticket)
    _set(descriptor, fcntl.F_UNLCK, DOOR)
    _locked(descriptor, fcntl.F_RDLCK, 1 + (ticket - 1) % TICKETS, until)


def _draw(descriptor: int) -> int:
    last = int.from_bytes(os.pread(descriptor, TICKET_BYTES, 0), "big")
    ticket = (last + 1) % TICKETS
    os.pwrite(descriptor, ticket.to_bytes(TICKET_BYTES, "big"), 0)
    return ticket


def _locked(descriptor: int, kind: int, byte: int, until: float) -> bool:
    """Look again and again, less often the longer it takes; False where time is up."""
    begin = monotonic()
    while not _set(descriptor, kind, byte):
        now = monotonic()
        if now >= until:
            return False
        pause = min(max(PAUSE_SECONDS, (now - begin) / 50), LONGEST_PAUSE_SECONDS)
        sleep(min(pause, until - now))
    return True


def _set(descriptor: int, kind: int, byte: int, count: int = 1) -> bool:
    """Whether the lock could be had at once; `count` 0 is all bytes from there on."""
    assert SET_LOCK is not None
    try:
        fcntl.fcntl(descriptor, SET_LOCK, FLOCK(kind, os.SEEK_SET, byte, count, 0))
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as POSIX leaves open
        return False
    return True
