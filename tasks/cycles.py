"""The cycles of one run: one, or so many at an interval until somebody cancels it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

__all__ = ["LEAST_SECONDS", "cycles"]

LEAST_SECONDS = 5


def cycles(
    interval_seconds: int | None,
    count: int | None,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[int, datetime]]:
    """Number and beginning of each; without an interval there is one, without a count no last one.

    A cycle begins an interval after the one before it began, at once where that took longer: what
    was missed meanwhile is not made up for. Cancelling the run ends it in the middle of the sleep.
    """
    number = 0
    while True:
        began, number = clock(), number + 1
        yield number, began
        if interval_seconds is None or number == count:
            return
        sleep(max(0.0, interval_seconds - (clock() - began).total_seconds()))
