"""What a cycle of the engines reads goes by its new rows and the last 30 days, not by the history.

Counted, not timed: the steps of SQLite's virtual machine are the same on every machine. Seconds at
full size are printed by `benchmarks.cycle`.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.cycle import DAY, ENGINES, MINUTE, Log
from benchmarks.cycle_log import NOW
from grace.settings import Settings
from grace.store import open_store
from grace.store.schema import LOGS

A_STEP = 50  # of the machine, between two calls
DAYS = (31, 93)
MOST = 1.1
RUNS = LOGS["parallel_process_logs"].table

Engine = Callable[[Settings, datetime], int]


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


def grown(folder: Path) -> dict[str, float]:
    """How many times the steps a history three times as long takes."""
    short, long = (steps_of(log_of(folder / str(days), days)) for days in DAYS)
    assert min(short.values()) > 0
    return {name: long[name] / short[name] for name in short}


def test_a_history_three_times_as_long_takes_no_more_steps(tmp_path: Path) -> None:
    """Rows, hours and patterns from before the window are not gone through again."""
    times = grown(tmp_path)
    assert max(times.values()) <= MOST, times


def test_an_engine_that_goes_through_the_history_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The naive one: beside its work each reads one column of one table from the beginning."""

    def naive(engine: Engine) -> Engine:
        def run(settings: Settings, now: datetime) -> int:
            with open_store(settings.url).reading() as connection:
                connection.execute(sa.select(sa.func.max(RUNS.c.task_name))).all()
            return engine(settings, now)

        return run

    for name, engine in ENGINES.items():
        monkeypatch.setitem(ENGINES, name, naive(engine))
    times = grown(tmp_path)
    assert min(times.values()) > MOST, times
