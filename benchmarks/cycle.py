"""What a cycle of the engines costs on a long history: `python -m benchmarks.cycle [ROWS]`.

Two logs, of ROWS rows (by default 1,000,000) and of ten times as many, in a temporary folder that
is removed; the larger one takes 7 GB. *Longer*: both have as many rows a day, of 90 and 900 days,
so that the 30 days that the engines look at hold the same. *Denser*: both are of 300 days, so that
the 30 days hold ten times as many rows too; that is printed, and no bar holds for it. Before each
cycle both logs get the same new rows: one flow run a minute, of ten task runs, for half an hour.

A cycle is the tasks of the flow without Prefect around them: reading runs from its API, artifacts
and the process of the run are the same on any history (see the bar for an engine's flow run). Both
sides alternate. Exits with 1 where the longer history costs more than 1.2 times as much, or a cycle
on it more than 3 s.
"""

import os
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import table
from benchmarks.cycle_log import NOW, fill, runs_between
from grace.analysis.page import analysis_page
from grace.analysis.window import analyse
from grace.governance.policy import load_policy
from grace.notary.signer import sign
from grace.settings import Settings
from grace.store import open_store
from grace.store.schema import LOGS
from grace.summary import last_findings, summarise
from grace.values import from_microseconds
from tasks.opportunities import (
    find_low_confidence,
    find_low_execution,
    find_poor_healing,
    find_recurring_errors,
    find_waits,
    learn_patterns,
)
from tasks.performance import find_causes, find_failing_tasks, find_low_activity, find_slow_runs
from tasks.search import Lead, Search

__all__ = ["Cost", "Log", "improvement", "optimizer"]

ROWS, LOOKS = 1_000_000, 7
SHORT_DAYS, DENSE_DAYS = 90, 300
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
TIMES_AS_MUCH, MOST_SECONDS = 1.2, 3.0
SEED = 20260601


@dataclass(frozen=True)
class Log:
    """A log in a folder of its own; `now` is its clock."""

    folder: Path
    draw: random.Random = field(default_factory=lambda: random.Random(SEED))

    @property
    def settings(self) -> Settings:
        database = self.folder / "grace.db"
        return Settings(data_dir=self.folder, database_url=f"sqlite:///{database}")

    def fill(self, rows: int, days: float) -> "Log":
        self.folder.mkdir()
        fill(self.folder / "grace.db", rows, NOW - days * DAY, NOW, SEED)
        return self

    def grow(self, begin: datetime, runs: int) -> None:
        """New rows, as ingestion writes them."""
        with open_store(self.settings.url).writing(begin + runs * MINUTE) as writer:
            for name, rows in runs_between(begin, MINUTE, runs, self.draw).items():
                kinds = LOGS[name].kinds
                writer.append(name, [_in_time(row, kinds) for row in rows], source="prefect")


def _in_time(row: dict[str, object], kinds: dict[str, Any]) -> dict[str, object]:
    return {
        name: from_microseconds(int(str(value))) if value and kinds[name] == "time" else value
        for name, value in row.items()
    }


def optimizer(settings: Settings, now: datetime) -> int:
    """The tasks of `flows.optimizer`, in their order; how many findings there were."""
    looks = (find_waits, find_slow_runs, find_failing_tasks, find_low_activity)
    leads = [lead for look in looks for lead in look.fn(settings, now)]
    binds = find_causes.fn(settings, now)
    return len(_followed(settings, now, leads)) + len(binds)


def improvement(settings: Settings, now: datetime) -> int:
    """The tasks of `flows.improvement`, in their order; how many findings there were."""
    learn_patterns.fn(settings, now)
    looks = (find_recurring_errors, find_poor_healing, find_low_confidence, find_low_execution)
    leads: list[Lead] = [lead for look in looks for lead in look.fn(settings, now)]
    found = _followed(settings, now, leads)
    analysis_page(analyse(open_store(settings.url), now - DAY, now, now=now), log=settings.log)
    return len(found)


def _followed(settings: Settings, now: datetime, leads: Sequence[Lead]) -> list[Any]:
    found = Search.begin(settings, now).follow(leads)
    store = open_store(settings.url)
    sign(settings, store, now)
    return found


def status(settings: Settings, now: datetime) -> int:
    """What `grace status` reads of the log."""
    store = open_store(settings.url)
    load_policy(settings)
    return len(last_findings(store)) + summarise(store).improvements_proposed


ENGINES: dict[str, Callable[[Settings, datetime], int]] = {
    "optimizer": optimizer,
    "improvement": improvement,
    "grace status": status,
}


@dataclass(frozen=True)
class Cost:
    """Medians in seconds of one engine's cycle on one log."""

    wall: float
    cpu: float


def alternating(logs: Sequence[Log], looks: int = LOOKS) -> dict[tuple[str, int], Cost]:
    """By engine and place of the log; the first cycle, which fills what is kept, is left out."""
    taken: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for look in range(looks + 1):
        begin = NOW + look * 30 * MINUTE
        for place, log in enumerate(logs):
            log.grow(begin, 30)
            for name, engine in ENGINES.items():
                spent = _timed(engine, log.settings, begin + 30 * MINUTE)
                if look:
                    taken.setdefault((name, place), []).append(spent)
    return {
        which: Cost(*(median(one[place] for one in all_of_it) for place in (0, 1)))
        for which, all_of_it in taken.items()
    }


def _timed(
    engine: Callable[[Settings, datetime], int], settings: Settings, now: datetime
) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    engine(settings, now)
    return time.perf_counter() - wall, time.process_time() - cpu


def compared(name: str, rows: int, days: tuple[float, float]) -> tuple[str, bool]:
    """Two logs beside each other, the second of ten times the rows: a table, and the bar held."""
    with TemporaryDirectory() as folder:
        logs = [
            Log(Path(folder) / str(times)).fill(rows * times, length)
            for times, length in zip((1, 10), days, strict=True)
        ]
        window = [_rows_of_30_days(log) for log in logs]
        costs = alternating(logs)
    lines = []
    holds = True
    for engine in ENGINES:
        small, large = costs[engine, 0], costs[engine, 1]
        holds &= large.cpu <= TIMES_AS_MUCH * small.cpu and large.wall <= MOST_SECONDS
        lines.append(
            (
                name,
                engine,
                *(f"{each.wall:.2f} s ({each.cpu:.2f} s CPU)" for each in (small, large)),
                f"{large.wall / small.wall:.2f} ({large.cpu / small.cpu:.2f})",
            )
        )
    told = " and ".join(
        f"{times * rows:,} rows of {length:.0f} days, {held:,} of them in the last 30"
        for times, length, held in zip((1, 10), days, window, strict=True)
    )
    heads = ("history", "cycle of", "on the small log", "on the large one", "ratio")
    return f"{name}: {told}\n\n{table(heads, lines)}\n", holds


def _rows_of_30_days(log: Log) -> int:
    since = int((NOW - 30 * DAY).timestamp()) * 1_000_000
    with closing(sqlite3.connect(log.folder / "grace.db")) as connection:
        query = "SELECT count(*) FROM parallel_process_logs WHERE timestamp >= ?"
        return int(connection.execute(query, (since,)).fetchone()[0])


def main() -> int:
    os.environ.pop("GRACE_DATABASE_URL", None)
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    longer, holds = compared("longer", rows, (SHORT_DAYS, 10 * SHORT_DAYS))
    print(longer, flush=True)
    denser, _ = compared("denser", rows, (DENSE_DAYS, DENSE_DAYS))
    print(denser)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
