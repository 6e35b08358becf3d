"""The log as a task reaches it: what SQLAlchemy and the disk raise becomes one clear line."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

from grace.errors import Unreachable
from grace.store import Store, Writer

__all__ = ["reachable", "writing"]


@contextmanager
def reachable() -> Iterator[None]:
    """Raises Unreachable where the log within is locked, broken, or its disk is full."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError) as problem:
        said = str(getattr(problem, "orig", None) or problem).split("\n")[0]
        raise Unreachable(
            f"the log cannot be reached: {said}; run it again when it can, nothing is taken twice"
        ) from problem


@contextmanager
def writing(store: Store, now: datetime) -> Iterator[Writer]:
    """`Store.writing`; raises Unreachable where it cannot be."""
    with reachable(), store.writing(now) as writer:
        yield writer
