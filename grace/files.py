"""Small files that are whole or not there: keys, reviewers, checkpoints, what was published."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked", "read_text", "remove_whole", "write_whole"]


def read_text(path: Path) -> str | None:
    """The file's text, None where there is none; bytes that are no UTF-8 come as U+FFFD."""
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return None


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file in one step: a power cut leaves the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.fchmod(descriptor, mode)  # what a crash left behind keeps its mode otherwise
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def remove_whole(path: Path) -> None:
    """Take a file away for good: after a power cut it is still gone."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until no other process holds this lock, then hold it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
