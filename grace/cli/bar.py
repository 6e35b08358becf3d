"""A bar for long work, on standard error, where a person looks on."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["bar"]


@contextmanager
def bar() -> Iterator[Callable[[str, float], None]]:
    """What it gives is told what is being done and how much of it, from 0 to 1."""
    if not sys.stderr.isatty():
        yield lambda text, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        work = progress.add_task("", total=1.0)
        yield lambda text, share: progress.update(work, description=text, completed=share)
