"""What the ledger costs a writer: `python -m benchmarks.writing [ROWS] [CALLS] [POSTGRESQL_URL]`.

For SQLite, and for an empty PostgreSQL database where one is named: rows a second through the log
(checked, revision look-up, row, leaf, tree, commit) against the driver's own executemany of ready
rows into the same table, past SQLAlchemy, both in transactions of 2,000, alternating; and the time
of one call of `grace.log` while eight processes call. Exits with 1 where a median is below half of
the plain one, where p99 exceeds 20 ms, or where a row is missing.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, TypeVar

from benchmarks import table
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.ids import uuid7
from grace.store.read import newest
from grace.store.schema import LOGS
from grace.values import microseconds

Row = TypeVar("Row")
ROUNDS = 7
ROWS_A_TRANSACTION = 2000
WRITERS = 8
BAR_RATIO, BAR_MS = 0.5, 20.0
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHARDS = LOGS["shard_logs"].table
CALLING = """
import sys
from time import perf_counter
from grace import log
log.shard(log_id=f"{sys.argv[1]}-first")
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    begin = perf_counter()
    log.shard(log_id=f"{sys.argv[1]}-{number}", shard_id=sys.argv[1], success=True)
    print(perf_counter() - begin)
"""


def _rows(turn: str, count: int) -> list[dict[str, object]]:
    return [
        {
            "log_id": f"{turn}-{number}",
            "shard_id": f"shard {number % 16}",
            "task_type": "page",
            "task_description": f"fetching page {number}",
            "status": "done",
            "started_at": NOW,
            "duration_seconds": number / 7,
            "tasks_processed": number,
            "success": True,
            "result_data": {"page": number},
            "timestamp": NOW,
        }
        for number in range(count)
    ]


def _parts(rows: list[Row]) -> Iterator[list[Row]]:
    return (rows[at : at + ROWS_A_TRANSACTION] for at in range(0, len(rows), ROWS_A_TRANSACTION))


def _logged(store: Store, turn: str, count: int) -> float:
    rows = _rows(turn, count)
    begin = perf_counter()
    for part in _parts(rows):
        with store.writing(NOW) as writer:
            writer.append("shard_logs", part)
    return count / (perf_counter() - begin)


def _plain(store: Store, turn: str, count: int) -> float:
    """The driver's own executemany of ready rows, behind all indices that the ledger gives."""
    rows = _ready(turn, count)
    on_sqlite = store.engine.dialect.name == "sqlite"
    marks = ", ".join(["?" if on_sqlite else "%s"] * len(SHARDS.c))
    names = ", ".join(f'"{column.name}"' for column in SHARDS.c)
    insert = f"INSERT INTO shard_logs ({names}) VALUES ({marks})"
    connection: Any = store.engine.raw_connection()
    cursor = connection.cursor()
    begin = perf_counter()
    for part in _parts(rows):
        if on_sqlite:
            cursor.execute("BEGIN IMMEDIATE")
        cursor.executemany(insert, part)
        connection.commit()
    seconds = perf_counter() - begin
    connection.close()
    return count / seconds


def _ready(turn: str, count: int) -> list[tuple[object, ...]]:
    """Whole rows as the driver takes them, made before the clock starts."""
    now = microseconds(NOW)
    base = 10**12 * (1 + int(turn.rpartition("-")[2]))
    fixed = {"revision": 1, "recorded_at": now, "source": "plain", "salt": bytes(16)}
    fixed |= {"started_at": now, "timestamp": now, "result_data": '{"page":7}'}
    rows = [
        {**row, **fixed, "id": uuid7(NOW), "ledger_index": base + at}
        for at, row in enumerate(_rows(turn, count))
    ]
    return [tuple(row.get(column.name) for column in SHARDS.c) for row in rows]


def _rates(store: Store, count: int) -> tuple[float, float]:
    found: dict[Callable[[Store, str, int], float], list[float]] = {_logged: [], _plain: []}
    for turn in range(ROUNDS):
        for measured, rates in found.items():
            rates.append(measured(store, f"{measured.__name__}-{turn}", count))
    return median(found[_logged]), median(found[_plain])


def _calls(calls: int) -> list[float]:
    """Milliseconds of each call, all writers together, sorted."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", CALLING, f"w{n}", str(calls)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = [writer.communicate()[0] for writer in writers]
    return sorted(float(line) * 1000 for text in said for line in text.split())


def _measure(name: str, settings: Settings, rows: int, calls: int) -> tuple[list[str], bool]:
    store = open_store(settings.url)
    logged, plain = _rates(store, rows)
    os.environ["GRACE_DATA_DIR"], os.environ["GRACE_DATABASE_URL"] = (
        str(settings.data_dir),
        settings.url,
    )
    times = _calls(calls)
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    there = newest(store, "shard_logs")["log_id"].str.match(r"w\d-\d").sum()
    line = [
        name,
        f"{logged:,.0f}",
        f"{plain:,.0f}",
        f"{logged / plain:.2f}",
        f"{p50:.1f}",
        f"{p99:.1f}",
    ]
    holds = logged / plain >= BAR_RATIO and p99 <= BAR_MS and there == WRITERS * calls
    return line, holds


def main(rows: int, calls: int, url: str | None) -> int:
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder, "sqlite"))
        found = [_measure("SQLite", settings, rows, calls)]
        if url is not None:
            settings = Settings(data_dir=Path(folder, "postgresql"), database_url=url)
            found.append(_measure("PostgreSQL", settings, rows, calls))
    heads = ("log in", "rows/s logged", "rows/s plain", "ratio", "p50 ms a call", "p99 ms a call")
    print(table(heads, [line for line, _ in found]))
    return 0 if all(holds for _, holds in found) else 1


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(
        main(
            int(given[0]) if given else 20_000,
            int(given[1]) if len(given) > 1 else 500,
            given[2] if len(given) > 2 else None,
        )
    )
