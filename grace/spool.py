"""Where logging calls go while the log cannot be reached: a file a process, taken in later.

A line is one row, whose natural key is fixed by then, so that it lands once however often it is
read. How much of a file is in the log stands in a cursor, kept in the transaction that added it;
the file goes when all of it is there.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from grace.calls import land, read_call
from grace.ingestion.counts import Ingested
from grace.store import Store, Writer
from grace.store.schema import cursors

__all__ = ["Spool", "take_file", "take_spool"]

ROWS_A_TRANSACTION = 500
SUFFIX = ".jsonl"


class Spool:
    """The file of this process; a new one after each that was taken in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None

    @property
    def waiting(self) -> Path | None:
        """The file, while it holds rows that are not in the log."""
        return self._path if self._path is not None and self._path.exists() else None

    def put(self, lines: Sequence[str], now: datetime) -> None:
        """Append lines, all or none, and see them on the disk. Raises OSError."""
        data = "".join(f"{line}\n" for line in lines).encode()
        while True:
            with _locked(self._open(now)) as descriptor:
                # taken in and removed while we waited for it: what is written now would be lost
                if os.fstat(descriptor).st_nlink:
                    _append(descriptor, data)
                    return

    def _open(self, now: datetime) -> int:
        if self._path is not None:
            try:
                return os.open(self._path, os.O_RDWR | os.O_APPEND)
            except FileNotFoundError:
                self._path = None
        # a name that never was: the cursor of a file that is gone must not be taken for its own
        name = f"{now:%Y%m%dT%H%M%S}-{os.getpid()}-{os.urandom(6).hex()}{SUFFIX}"
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / name
        opened = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        self._path = path
        return opened


def take_spool(store: Store, folder: Path, now: datetime) -> Ingested:
    """Take in what all processes left, oldest file first."""
    done = Ingested()
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        whole = False
        while not whole:
            part, whole = take_file(store, path, now)
            done += part
    _forget(store, folder, now)
    return done.together()


def take_file(store: Store, path: Path, now: datetime) -> tuple[Ingested, bool]:
    """Take in some hundred lines of a file; what they came to, and whether that was the end of it.

    A file at its end is removed.
    """
    with store.writing(now) as writer:
        start = _place(writer, path)
        lines, end, whole = _read(path, start)
        calls = [
            read_call(line, f"{path.name} byte {start} line {number}")
            for number, line in enumerate(lines, 1)
        ]
        counts = land(writer, calls, "spool")
        if lines:
            writer.set_cursor(_reader(path), end)
    if whole:
        whole = _remove(path, end)
    return counts, whole


def _append(descriptor: int, data: bytes) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        data = b"\n" + data  # a line that a crash cut off stays alone
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


@contextmanager
def _locked(descriptor: int) -> Iterator[int]:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _reader(path: Path) -> str:
    return f"spool:{path.name}"


def _place(writer: Writer, path: Path) -> int:
    query = sa.select(cursors.c.position).where(cursors.c.reader == _reader(path))
    kept = writer.connection.execute(query).scalar_one_or_none()
    return 0 if kept is None else int(json.loads(kept))


def _read(path: Path, start: int) -> tuple[list[bytes], int, bool]:
    """Lines from a byte on, the byte behind them, and whether the file ends there."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # somebody else took all of it
        return [], start, True
    with _locked(descriptor), open(descriptor, "rb", closefd=False) as opened:
        opened.seek(start)
        lines = [line for _ in range(ROWS_A_TRANSACTION) if (line := opened.readline())]
        end = opened.tell()
        return lines, end, end >= os.fstat(descriptor).st_size


def _remove(path: Path, end: int) -> bool:
    """Unless it has grown since."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    with _locked(descriptor):
        if os.fstat(descriptor).st_size > end:
            return False
        path.unlink(missing_ok=True)
        return True


def _forget(store: Store, folder: Path, now: datetime) -> None:
    """Drop the cursors of files that are gone."""
    query = sa.select(cursors.c.reader).where(cursors.c.reader.startswith("spool:"))
    with store.reading() as connection:
        readers = set(connection.execute(query).scalars())
    gone = readers - {_reader(path) for path in folder.glob(f"*{SUFFIX}")}
    if gone:
        with store.writing(now) as writer:
            writer.connection.execute(cursors.delete().where(cursors.c.reader.in_(gone)))
