"""One process at a time may act on a target; a killed one gives its turn back by dying."""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from grace.settings import Settings

__all__ = ["turn"]


@contextmanager
def turn(settings: Settings, target: str) -> Iterator[None]:
    """Waits until nobody else acts on the target, and keeps the others waiting."""
    folder = settings.log_dir / "turns"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(target.encode()).hexdigest()[:16]
    with (folder / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
