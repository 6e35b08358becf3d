"""Slots, first come, first served, before a service that all who hold one share."""

import heapq
import math
from collections import deque
from itertools import count
from typing import Generic, TypeVar

__all__ = ["Pool"]

Work = TypeVar("Work")


class Pool(Generic[Work]):
    """Times are seconds. `limit` None is no limit; whoever holds a slot may pause and go on.

    Everything at work goes at one pace, so that what is done of each is one number, the *reading*
    of a clock that slows down beyond the knee: processor sharing, in virtual time.
    """

    def __init__(self, limit: int | None, knee: float = math.inf, steepness: float = 1.0) -> None:
        self.limit = limit
        self._knee, self._steepness = knee, steepness
        self._queue: deque[Work] = deque()
        self._held = 0
        self._at_work: list[tuple[float, int, Work]] = []
        self._reading, self._read_at = 0.0, 0.0
        self._order = count()

    @property
    def slowdown(self) -> float:
        """How many seconds a second of work takes now."""
        return float(max(1.0, len(self._at_work) / self._knee) ** self._steepness)

    def queue(self, work: Work) -> None:
        self._queue.append(work)

    def admit(self) -> Work | None:
        """The next in the queue takes a slot, if one is free."""
        if not self._queue or (self.limit is not None and self._held >= self.limit):
            return None
        self._held += 1
        return self._queue.popleft()

    def give_back(self) -> None:
        self._held -= 1

    def begin(self, work: Work, seconds: float, now: float) -> None:
        """Whoever holds a slot begins so many seconds of work, as long as nothing slows it."""
        self._read(now)
        heapq.heappush(self._at_work, (self._reading + seconds, next(self._order), work))

    def next_end(self) -> float:
        """When the next work will be done if nothing else begins, infinity if nothing goes on."""
        if not self._at_work:
            return math.inf
        left = max(0.0, self._at_work[0][0] - self._reading)
        return self._read_at + left * self.slowdown

    def end(self, now: float) -> Work:
        """What is done by now; it keeps its slot."""
        self._read(now)
        return heapq.heappop(self._at_work)[2]

    def _read(self, now: float) -> None:
        self._reading += (now - self._read_at) / self.slowdown
        self._read_at = now
