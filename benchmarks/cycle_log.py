"""A log of any size for `benchmarks.cycle`, written past the batch writer for the sake of time.

A flow run is a row and ten of its task runs; of six deployments in one work pool, with a tag limit,
errors of three patterns, and beside them healing attempts, decisions and what a model said. Rows,
tree and head are as the writer leaves them, but that the leaves are drawn at random: a cycle grows
the tree and signs it, and reads no leaf.
"""

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from grace.ledger.tiles import grow
from grace.store import open_store
from grace.store.schema import LOGS
from grace.store.tile_table import DatabaseTiles
from grace.values import microseconds

__all__ = ["NOW", "ROWS_A_RUN", "Row", "fill", "runs_between"]

Row = dict[str, object]

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TASKS = 10
ROWS_A_RUN = TASKS + 1
STEP = 5_000  # runs a transaction
SECOND = 1_000_000
DEPLOYMENTS = tuple(f"load-{place}/nightly" for place in range(6))
ERRORS = (
    "TimeoutError: no answer from partner.example.com within {} s",
    "ValueError: page {} has no rows",
    "HTTPStatusError: 429 Too Many Requests for page {}",
)
RUNS, ATTEMPTS, DECISIONS, LEARNING = (
    "parallel_process_logs",
    "healing_attempts",
    "agentic_spine_logs",
    "ml_learning_logs",
)


def fill(database: Path, rows: int, begin: datetime, end: datetime, seed: int) -> None:
    """About so many rows, evenly spread between two times, oldest first."""
    store = open_store(f"sqlite:///{database}")
    draw, index = random.Random(seed), 0
    runs = rows // ROWS_A_RUN
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for first in range(0, runs, STEP):
            count = min(STEP, runs - first)
            span = (end - begin) / runs
            by_table = runs_between(begin + span * first, span, count, draw)
            connection.execute("BEGIN")
            for table, logged in by_table.items():
                index = _insert(connection, table, logged, index, draw)
            connection.execute("COMMIT")
    with store.writing(end) as writer:
        tiles = DatabaseTiles(writer.connection)
        for start in range(0, index, 1 << 16):
            leaves = [draw.randbytes(32) for _ in range(min(1 << 16, index - start))]
            grow(tiles, start, leaves)
        writer.connection.exec_driver_sql(f"UPDATE ledger_head SET size = {index}")
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.engine.dispose()


def runs_between(
    begin: datetime, span: timedelta, count: int, draw: random.Random
) -> dict[str, list[Row]]:
    """The rows of so many flow runs, one queued in each `span`."""
    found: dict[str, list[Row]] = {RUNS: [], ATTEMPTS: [], DECISIONS: [], LEARNING: []}
    for number in range(count):
        at = microseconds(begin + span * number) + draw.randrange(SECOND)
        for table, row in _run(at, draw):
            found[table].append(row)
    return found


def _run(at: int, draw: random.Random) -> Iterator[tuple[str, Row]]:
    run, name = _id(at, draw), draw.choice(DEPLOYMENTS)
    limits = {"work-pool:process": 20}
    tasks = [_task(at, run, name, place, draw) for place in range(TASKS)]
    failed = next((task for task in tasks if not task["success"]), None)
    ended = max(int(str(task["completed_at"])) for task in tasks) + SECOND // 10
    yield (
        RUNS,
        {
            "process_id": run,
            "process_type": "flow_run",
            "executor": "process/default",
            "worker_name": "worker-1",
            "task_name": name,
            "task_payload": _payload(name, ["auto-scheduled", "etl"], limits),
            "parent_process": None,
            "status": "Failed" if failed else "Completed",
            "queued_at": at,
            "started_at": at + 2 * SECOND,
            "completed_at": ended,
            "wait_time_seconds": 2.0,
            "execution_time_seconds": (ended - at) / SECOND - 2,
            "success": failed is None,
            "error": failed["error"] if failed else None,
            "timestamp": at + 2 * SECOND,
            "source": "prefect",
        },
    )
    for task in tasks:
        yield RUNS, task
        if draw.random() < 0.02:
            yield ATTEMPTS, _attempt(task, run, draw)
    if draw.random() < 0.3:
        yield DECISIONS, _decision(at, run, draw)
        yield LEARNING, _learned(at, run, draw)


def _task(at: int, run: str, name: str, place: int, draw: random.Random) -> Row:
    queued = at + (2 + place // 5) * SECOND + draw.randrange(SECOND)
    started = queued + draw.randrange(SECOND // 5)
    seconds = 0.2 + draw.random()
    failed = draw.random() < 0.002
    error = draw.choice(ERRORS).format(draw.randrange(1000)) if failed else None
    payload = _payload(name, ["etl"], {"tag:etl": 40}, ready=queued if place >= 5 else None)
    return {
        "process_id": _id(queued, draw),
        "process_type": "task_run",
        "executor": "process/default",
        "worker_name": "worker-1",
        "task_name": f"fetch_{place % 5}",
        "task_payload": payload,
        "parent_process": run,
        "status": "Failed" if failed else "Completed",
        "queued_at": queued,
        "started_at": started,
        "completed_at": started + int(seconds * SECOND),
        "wait_time_seconds": (started - queued) / SECOND,
        "execution_time_seconds": seconds,
        "success": not failed,
        "error": error,
        "timestamp": started,
        "source": "prefect",
    }


def _payload(name: str, tags: list[str], limits: dict[str, int], ready: int | None = None) -> str:
    told: Row = {"run": "eager-fox", "flow": name.partition("/")[0], "deployment": name}
    told |= {"tags": tags, "run_count": 1, "limits": limits}
    if ready is not None:
        told["ready_at"] = datetime.fromtimestamp(ready / SECOND, UTC).isoformat()
    return json.dumps(told)


def _attempt(task: Row, run: str, draw: random.Random) -> Row:
    healed = draw.random() < 0.92
    return {
        "attempt_id": f"{task['process_id']}:2",
        "error_type": "TimeoutError",
        "error_message": ERRORS[0].format(draw.randrange(1000)),
        "fix_type": "retry",
        "detected_by": task["task_name"],
        "severity": "medium",
        "attempted_at": task["started_at"],
        "status": "success" if healed else "failed",
        "success": healed,
        "metadata": json.dumps({"flow_run": run, "task_run": task["process_id"]}),
        "source": "prefect",
    }


def _decision(at: int, run: str, draw: random.Random) -> Row:
    done = draw.random() < 0.93
    return {
        "log_id": _id(at, draw),
        "decision_type": draw.choice(("restart", "scale", "skip")),
        "decision_context": json.dumps({"flow_run": run}),
        "actor": "agent",
        "status": "executed" if done else "rejected",
        "outcome": "success" if done else None,
        "timestamp": at,
        "source": "agent",
    }


def _learned(at: int, run: str, draw: random.Random) -> Row:
    likelihood = 0.8 + 0.19 * draw.random()
    return {
        "learning_id": _id(at, draw),
        "learning_type": "prediction",
        "subsystem": "forecast",
        "model_type": "gbm",
        "predicted_likelihood": likelihood,
        "prediction_correct": draw.random() < likelihood,
        "recommendation_confidence": likelihood,
        "data_sources": json.dumps({"flow_run": run}),
        "timestamp": at,
        "source": "model",
    }


def _insert(
    connection: sqlite3.Connection, table: str, rows: list[Row], index: int, draw: random.Random
) -> int:
    """The ledger index after the last of the rows."""
    log = LOGS[table]
    names = [*log.kinds, "ledger_index", "salt"]
    places = ", ".join("?" * len(names))
    columns = ", ".join(f'"{name}"' for name in names)
    cells = []
    for place, row in enumerate(rows, start=index):
        at = int(str(row[log.time]))
        whole = row | {"id": _id(at, draw), "revision": 1, "recorded_at": at}
        whole |= {"ledger_index": place, "salt": draw.randbytes(16)}
        cells.append([whole.get(name) for name in names])
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", cells)
    return index + len(rows)


def _id(at: int, draw: random.Random) -> str:
    """As Prefect's: the time first, in milliseconds."""
    return str(UUID(int=(at // 1000 << 80) | draw.getrandbits(80)))
