"""Error patterns: mined from the log, known by fingerprints, with a rule where one was approved.

    from grace import patterns

    found = patterns.match(str(error), type(error).__name__)
    if found and found.rule: ...

Belongs here: reading errors, templates, the library, its rules and what is known of them. Does not:
deciding that a pattern should get a rule, which is an opportunity, and carrying a rule out, which
the governed code does.
"""

import logging
import os
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from uuid import UUID

    from grace.patterns.errors import Error
    from grace.patterns.live import Live, Match
    from grace.patterns.rules import Rule

__all__ = ["match", "rule_for"]

Clock = Callable[[], float]
Found = TypeVar("Found")

RETRY_SECONDS = 5.0

_logger = logging.getLogger(__name__)
_unreachable: dict[str, float] = {}  # logs that could not be read, and when


def match(
    message: str,
    error_type: str | None = None,
    *,
    unit: "str | UUID | None" = None,
    clock: Clock = time.monotonic,
) -> "Match | None":
    """The pattern of an error in the log of `GRACE_*`, with its active rule and its record.

    While a rule is on trial it holds for one arm of the units: `unit` is the id of the flow run
    that met the error. Without it the answer is as it was before the trial.

    None for an error not learned yet. Never raises for a log that cannot be read: a warning says
    so once, and no pattern is known until it can. What was read is believed for 5 seconds of
    `clock`.
    """
    return _asked(lambda live, now: live.match(message, error_type, unit, now), clock)


def rule_for(
    error: "Error", *, unit: "str | UUID | None" = None, clock: Clock = time.monotonic
) -> "Rule | None":
    """The active rule of the pattern of an error, else None; like `match`, and cheaper."""
    return _asked(lambda live, now: live.rule_for(error, unit, now), clock)


def _asked(ask: "Callable[[Live, float], Found]", clock: Clock) -> Found | None:
    from pydantic import ValidationError
    from sqlalchemy.exc import SQLAlchemyError

    from grace.errors import GraceError
    from grace.settings import Settings

    now, url = clock(), ""
    try:
        url = Settings().url
        if now - _unreachable.get(url, -RETRY_SECONDS) < RETRY_SECONDS:
            return None
        found = ask(_live(url, os.getpid()), now)
        _unreachable.pop(url, None)
        return found
    except (GraceError, SQLAlchemyError, OSError, ValidationError) as problem:
        if url not in _unreachable:
            _logger.warning("error patterns are not known: %s", " ".join(str(problem).split()))
        _unreachable[url] = now
        return None


@lru_cache(maxsize=4)
def _live(url: str, process: int) -> "Live":
    """One a process: a connection must not be carried over a fork."""
    from grace.patterns.live import Live

    return Live(url)
