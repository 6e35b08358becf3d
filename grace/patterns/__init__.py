"""Error patterns: mined from the log, known by fingerprints, with a rule where one was approved.

    from grace import patterns

    found = patterns.match(str(error))
    if found and found.rule: ...

Belongs here: reading errors, templates, the library and its rules. Does not: deciding that a
pattern should get a rule, which is an opportunity, and carrying a rule out, which the governed
code does.
"""

import logging
import os
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grace.patterns.live import Live, Match

__all__ = ["match"]

_logger = logging.getLogger(__name__)


def match(
    message: str, error_type: str | None = None, *, clock: Callable[[], float] = time.monotonic
) -> "Match | None":
    """The pattern of an error in the log of `GRACE_*`, with its active rule; None if it is unknown.

    Never raises for a log that cannot be read: it says so once a look, and knows no pattern then.
    `clock` gives seconds; what was read is taken to be true for 5 of them.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from grace.errors import GraceError

    try:
        return _live(os.getpid()).match(message, error_type, clock())
    except (GraceError, SQLAlchemyError, OSError) as problem:
        _logger.warning("error patterns cannot be read: %s", problem)
        return None


@lru_cache(maxsize=1)
def _live(process: int) -> "Live":
    """Opened once a process: a connection must not be carried over a fork."""
    from grace.patterns.live import Live

    return Live()
