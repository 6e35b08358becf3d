"""Waiting that a polite end of the process cuts short."""

import os
import select
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["Interruptible"]

ENDING = (signal.SIGTERM, signal.SIGINT)


class Interruptible:
    """Within the `with` block, SIGTERM and SIGINT end no work: they end the next wait at once.

    Called with seconds, it waits, and says whether the end has come. The signal is a byte in a
    pipe, so that one which arrives just before the wait is not lost.
    """

    def __enter__(self) -> Callable[[float], bool]:
        self._read, self._write = os.pipe()
        self._before: dict[int, Any] = {
            number: signal.signal(number, self._note) for number in ENDING
        }
        return self._wait

    def __exit__(self, *problem: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def _note(self, number: int, frame: FrameType | None) -> None:
        os.write(self._write, b".")

    def _wait(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._read], [], [], seconds)
        return bool(ready)
