"""What a cycle's analysis costs by the length of history: `python -m benchmarks.analysis [ROWS]`.

ROWS, by default 1,000,000, are those of the longer history; the shorter has a tenth. Both hold the
same four log tables at 600 rows an hour, the longer only begins earlier (by 63 days; 10,000,000
rows are two years). Each cycle logs 500 new rows, of which some are three days late and some
revise older ones, and then analyses the last 24 hours against the windows before. Both sides
alternate; medians of 7. Exits with 1 where the longer takes more than 1.2 times the shorter, or
3 s.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
import sqlalchemy as sa

from benchmarks import table
from grace.analysis.rollups import advance
from grace.analysis.rules import Rules
from grace.analysis.window import analyse
from grace.ledger.tiles import grow
from grace.store import Store, open_store
from grace.store.append_only import create_triggers, drop_triggers
from grace.store.schema import LOGS, ledger_head
from grace.store.tile_table import DatabaseTiles
from grace.values import coerce

SEED = 20260301
ROWS_AN_HOUR = 600
NEW_ROWS = 500
CYCLES = 7
CHUNK = 50_000
BAR_RATIO, BAR_SECONDS = 1.2, 3.0
NOW = datetime(2026, 6, 10, 12, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)

Row = dict[str, object]


def row(rng: np.random.Generator, key: str, at: datetime) -> tuple[str, Row]:
    """A row of some table: six of ten are runs, two attempts, one each a decision and learning."""
    run = f"run-{at:%y%m%d%H}-{rng.integers(40)}"
    share, number = rng.random(), float(rng.random())
    if share < 0.6:
        return "parallel_process_logs", {
            "process_id": key,
            "process_type": "task_run",
            "task_name": f"task-{rng.integers(8)}",
            "parent_process": run,
            "task_payload": {"flow": "flow", "deployment": "flow/hourly", "tags": ["tag"]},
            "status": "Completed",
            "wait_time_seconds": float(rng.exponential(2)),
            "execution_time_seconds": float(rng.lognormal(1, 1)),
            "success": number < 0.95,
            "completed_at": at,
            "timestamp": at,
        }
    if share < 0.8:
        return "healing_attempts", {
            "attempt_id": key,
            "error_type": f"Error{rng.integers(10)}",
            "error_message": "connection reset while fetching page 7",
            "fix_type": "retry",
            "severity": "low",
            "success": number < 0.8,
            "attempted_at": at,
            "metadata": {"flow_run": run, "task": "fetch"},
        }
    if share < 0.9:
        status = "executed" if number < 0.8 else "failed"
        columns = {"decision_type": "automation", "status": status, "actor": "prefect"}
        return "agentic_spine_logs", {"log_id": key, "timestamp": at, **columns}
    columns = {"learning_type": "prediction", "predicted_likelihood": number}
    return "ml_learning_logs", {
        "learning_id": key,
        "prediction_correct": bool(rng.random() < number),
        "timestamp": at,
        **columns,
    }


def build(path: Path, rows: int) -> Store:
    """A log of so many rows, by plain SQL: digests and entries are made up, positions are not."""
    store = open_store(f"sqlite:///{path}")
    rng = np.random.default_rng(SEED)
    begin = NOW - rows / ROWS_AN_HOUR * HOUR
    with store.engine.connect().execution_options(writes=True) as connection, connection.begin():
        for statement in drop_triggers():
            connection.exec_driver_sql(statement)
        for first in range(0, rows, CHUNK):
            count = min(CHUNK, rows - first)
            _insert(connection, rng, begin, range(first, first + count))
        connection.execute(ledger_head.update().values(size=rows))
        for statement in create_triggers():
            connection.exec_driver_sql(statement)
    return store


def _insert(
    connection: sa.Connection, rng: np.random.Generator, begin: datetime, places: range
) -> None:
    by_table: dict[str, list[Row]] = {name: [] for name in LOGS}
    for place in places:
        at = begin + place / ROWS_AN_HOUR * HOUR
        name, given = row(rng, f"{place}", at)
        identity = {"id": f"{place}", "revision": 1, "recorded_at": at, "ledger_index": place}
        kinds = LOGS[name].kinds
        values = {column: coerce(kinds[column], value) for column, value in given.items()}
        by_table[name].append({**values, **identity, "source": "bench", "salt": b"0" * 16})
    for name, rows in by_table.items():
        if rows:
            connection.execute(LOGS[name].table.insert(), rows)
    leaves = [os.urandom(32) for _ in places]
    grow(DatabaseTiles(connection), places.start, leaves)


def log_news(store: Store, rng: np.random.Generator, cycle: int, rows: int) -> None:
    """Most of the last half hour; a tenth are three days late, a tenth revise older rows."""
    with store.writing(NOW) as writer:
        for number in range(NEW_ROWS):
            at = NOW - float(rng.random()) * HOUR / 2
            if number % 10 == 0:
                at -= timedelta(days=3)
            is_revision = number % 10 == 1
            key = str(rows - 1 - int(rng.integers(20_000))) if is_revision else f"{cycle}/{number}"
            name, given = row(rng, key, at)
            writer.append(name, [given], source="bench")


def cycle(store: Store) -> tuple[float, float]:
    """Seconds by the clock and of CPU that one analysis takes."""
    clock, cpu = perf_counter(), process_time()
    analyse(store, NOW - 24 * HOUR, NOW, now=NOW, rules=Rules())
    return perf_counter() - clock, process_time() - cpu


def measure(stores: dict[int, Store]) -> dict[int, list[tuple[float, float]]]:
    """Both get the same news; the first cycle of each, which loads the modules, is not counted."""
    found: dict[int, list[tuple[float, float]]] = {rows: [] for rows in stores}
    for number in range(CYCLES + 1):
        for rows, store in stores.items():
            log_news(store, np.random.default_rng(SEED + number), number, rows)
            found[rows].append(cycle(store))
    return {rows: times[1:] for rows, times in found.items()}


def main(rows: int = 1_000_000) -> int:
    with tempfile.TemporaryDirectory() as folder:
        stores = {n: build(Path(folder, f"{n}.db"), n) for n in (rows // 10, rows)}
        first = {n: _timed_advance(store) for n, store in stores.items()}
        found = measure(stores)
        medians = {n: [median(column) for column in zip(*found[n], strict=True)] for n in found}
        lines = list(_lines(medians, first))
    print(table(("rows", "hours", "cycle s", "CPU s", "first build s"), lines))
    (short, _), (long, _) = medians.values()
    print(
        f"\nratio {long / short:.2f} (bar {BAR_RATIO}), longest {long:.2f} s (bar {BAR_SECONDS:g})"
    )
    return 0 if long <= BAR_RATIO * short and long <= BAR_SECONDS else 1


def _timed_advance(store: Store) -> float:
    began = perf_counter()
    advance(store, NOW, Rules())
    return perf_counter() - began


def _lines(medians: dict[int, list[float]], first: dict[int, float]) -> Iterator[tuple[str, ...]]:
    for rows, (clock, cpu) in medians.items():
        hours = rows / ROWS_AN_HOUR
        yield f"{rows:,}", f"{hours:,.0f}", f"{clock:.2f}", f"{cpu:.2f}", f"{first[rows]:.0f}"


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
