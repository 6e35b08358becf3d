"""What the log costs on the disk: `python -m benchmarks.log_size [RUNS]`, by default 10,000.

A run is a flow run of ten tasks, as ingestion reads it from Prefect: eleven rows. Prints the growth
of the database in bytes a run, with indices, ledger and page overhead, and what that is a day. Each
kind has a database of its own, and its first two hundred runs are left out of the account.
"""

import random
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from benchmarks import table
from grace.ingestion.prefect_records import FlowRun, LogLine, TaskRun
from grace.ingestion.prefect_runs import Home, Row, flow_run_row, retry_rows, task_run_row
from grace.store import Store, open_store

__all__ = ["KINDS", "Cost", "measured"]

RUNS = 10_000
SETTLING_RUNS = 200
TASKS = 10
RUNS_A_TRANSACTION = 90  # ingestion writes about a thousand rows at once
RUNS_A_DAY = (1_000, 10_000, 100_000)
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
SEED = 20260301
POOL = "process/default"
HOME = Home("nightly-load", "nightly-load/nightly", None, POOL, f"ProcessWorker {UUID(int=7)}")
LIMITS = {"tag:etl": 8, "work-pool:process": 20}
FAILURE = (
    "Task run failed with exception: HTTPStatusError(\"Client error '429 Too Many Requests' for "
    "url 'https://partner.example.com/v2/orders?page=17'\") "
    "- Retry 1/3 will start 10 second(s) from now"
)

Tables = dict[str, list[Row]]


@dataclass(frozen=True)
class Kind:
    """`retried` is the share of tasks that need a second attempt; `seen_twice` that each run is
    read under way before it is read ended, which logs it in two revisions."""

    name: str
    retried: float = 0.0
    seen_twice: bool = False


@dataclass(frozen=True)
class Cost:
    """Bytes a run; `ledger_bytes` of them are tree hashes."""

    rows: float
    total_bytes: float
    ledger_bytes: float


KINDS = (
    Kind("no retries"),
    Kind("one task in ten retried", retried=0.1),
    Kind("every task retried", retried=1.0),
    Kind("no retries, each run read under way too", seen_twice=True),
)


def measured(kind: Kind, runs: int, folder: Path) -> Cost:
    """Of `runs` runs after the first ones, in a new database in the folder."""
    database = folder / "grace.db"
    store = open_store(f"sqlite:///{database}")
    draw = random.Random(SEED)
    _write(store, kind, range(SETTLING_RUNS), draw)
    before, rows = _sizes(database)
    _write(store, kind, range(SETTLING_RUNS, SETTLING_RUNS + runs), draw)
    after, all_rows = _sizes(database)
    store.engine.dispose()
    total, ledger = ((new - old) / runs for old, new in zip(before, after, strict=True))
    return Cost((all_rows - rows) / runs, total, ledger)


def _write(store: Store, kind: Kind, numbers: range, draw: random.Random) -> None:
    for first in range(numbers.start, numbers.stop, RUNS_A_TRANSACTION):
        part = range(first, min(first + RUNS_A_TRANSACTION, numbers.stop))
        now = BEGIN + timedelta(minutes=part.stop)
        for tables in _rows(kind, part, draw):
            with store.writing(now) as writer:
                for name, rows in tables.items():
                    writer.append(name, rows, source="prefect")


def _rows(kind: Kind, numbers: range, draw: random.Random) -> Iterator[Tables]:
    """What each transaction appends."""
    runs = [_flow_run(number, draw) for number in numbers]
    if kind.seen_twice:
        under_way = {"end_time": None, "state_name": "Running", "state_type": "RUNNING"}
        halves = [run.model_copy(update=under_way) for run in runs]
        yield {"parallel_process_logs": [flow_run_row(run, HOME, LIMITS) for run in halves]}
    tasks = [_task_run(run, place, kind, draw) for run in runs for place in range(TASKS)]
    processes = [flow_run_row(run, HOME, LIMITS) for run in runs]
    processes += [task_run_row(task, HOME, LIMITS) for task in tasks]
    retries = [row for task in tasks for row in retry_rows(task, HOME, [_line(task)])]
    yield {"parallel_process_logs": processes, "healing_attempts": retries}


def _flow_run(number: int, draw: random.Random) -> FlowRun:
    at = BEGIN + timedelta(minutes=number, microseconds=draw.randrange(1_000_000))
    own = {
        "name": "ultraviolet-eagle",
        "flow_id": str(UUID(int=3)),
        "state": {"message": "All states completed."},
    }
    return FlowRun.model_validate(_ended(at, 60.0, draw) | own)


def _task_run(run: FlowRun, place: int, kind: Kind, draw: random.Random) -> TaskRun:
    assert run.start_time
    at = run.start_time + timedelta(seconds=6 * place, microseconds=draw.randrange(1_000_000))
    own = {
        "name": f"fetch_page-{draw.getrandbits(12):03x}",
        "flow_run_id": run.id,
        "task_key": "fetch_page-0a1b2c3d",
        "tags": ("etl",),
        "run_count": 2 if draw.random() < kind.retried else 1,
    }
    return TaskRun.model_validate(_ended(at, 5.0, draw) | own)


def _ended(at: datetime, seconds: float, draw: random.Random) -> dict[str, object]:
    seconds += draw.random()
    return {
        # Prefect's ids begin with the time too
        "id": str(UUID(int=(int(at.timestamp() * 1000) << 80) | draw.getrandbits(80))),
        "state_type": "COMPLETED",
        "state_name": "Completed",
        "run_count": 1,
        "expected_start_time": at,
        "start_time": at + timedelta(seconds=draw.random()),
        "end_time": at + timedelta(seconds=seconds),
        "total_run_time": seconds,
    }


def _line(task: TaskRun) -> LogLine:
    assert task.start_time
    return LogLine(task_run_id=task.id, timestamp=task.start_time, message=FAILURE)


def _sizes(database: Path) -> tuple[tuple[int, int], int]:
    """Bytes of the whole file and of the tree's hashes; and the rows."""
    with closing(sqlite3.connect(database)) as connection:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert not busy, "some of it is not in the file yet"
        (ledger,) = connection.execute("SELECT sum(length(hashes)) FROM ledger_tiles").fetchone()
        (rows,) = connection.execute("SELECT size FROM ledger_head").fetchone()
    return (database.stat().st_size, ledger or 0), rows


def _a_day(cost: Cost) -> Callable[[int], str]:
    return lambda runs: f"{cost.total_bytes * runs / 1e6:,.0f} MB"


def main(runs: int) -> None:
    lines = []
    for kind in KINDS:
        with TemporaryDirectory() as folder:
            cost = measured(kind, runs, Path(folder))
        figures = (f"{cost.rows:.1f}", f"{cost.total_bytes:,.0f}", f"{cost.ledger_bytes:,.0f}")
        lines.append((kind.name, *figures, *map(_a_day(cost), RUNS_A_DAY)))
    days = [f"{runs:,} runs a day" for runs in RUNS_A_DAY]
    print(table(("a run of ten tasks", "rows", "bytes", "of it hashes", *days), lines))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else RUNS)
