"""Processes of a test that end with it, whatever becomes of the test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from subprocess import Popen
from typing import Any

__all__ = ["child"]


@contextmanager
def child(command: Sequence[str], **options: Any) -> Iterator[Popen[str]]:
    """It speaks text; `options` are those of Popen."""
    with Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()
