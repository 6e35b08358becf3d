"""What a cycle of the engines reads goes by its new rows and the last 30 days, not by the history.

Counted, not timed: the steps of SQLite's virtual machine are the same on every machine. Seconds at
full size are printed by `benchmarks.cycle`.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from benchmarks.cycle import DAY, ENGINES, MINUTE, Log
from benchmarks.cycle_log import NOW

A_STEP = 50  # of the machine, between two calls
DAYS = (31, 93)


class Steps:
    """Of all connections that are opened while it counts."""

    def __init__(self) -> None:
        self.count = 0

    def count_up(self) -> int:
        self.count += A_STEP
        return 0


@contextmanager
def counted() -> Iterator[Steps]:
    steps = Steps()

    def begin(connection, record) -> None:
        connection.set_progress_handler(steps.count_up, A_STEP)

    sa.event.listen(sa.pool.Pool, "connect", begin)
    yield steps
    sa.event.remove(sa.pool.Pool, "connect", begin)


def log_of(folder: Path, days: int) -> Log:
    """A run a day, of which the last month's are the same whatever came before."""
    folder.mkdir()
    for day in range(days, 0, -1):
        Log(folder, random.Random(day)).grow(NOW - day * DAY, 1)
    return Log(folder)


def steps_of(log: Log) -> dict[str, int]:
    """Of each engine's second cycle: the first fills what is kept."""
    taken = {}
    with counted() as steps:
        for look in (1, 2):
            log.grow(NOW + look * 30 * MINUTE, 2)
            for name, engine in ENGINES.items():
                before = steps.count
                engine(log.settings, NOW + (look * 30 + 5) * MINUTE)
                taken[name] = steps.count - before
    return taken


def test_a_history_three_times_as_long_takes_no_more_steps(tmp_path: Path) -> None:
    """Rows, hours and patterns from before the window are not gone through again."""
    short, long = (steps_of(log_of(tmp_path / str(days), days)) for days in DAYS)
    assert min(short.values()) > 0
    grown = {name: long[name] / short[name] for name in short}
    assert max(grown.values()) <= 1.1, grown
