"""A log of any size, made in bulk: the tables, leaves and tree that writers would have left.

Twenty rows in turn: eleven runs, three attempts, two decisions, two events, a shard and a fact, so
that each range of the ledger holds every one of these tables, as in a log that lived.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import sqlalchemy as sa

from grace.export.proving import TABLES
from grace.ledger.tiles import grow
from grace.notary.rows import cell_leaves
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.append_only import create_triggers, drop_triggers
from grace.store.ids import uuid7
from grace.store.schema import LOGS, ledger_head
from grace.store.tile_table import DatabaseTiles
from grace.values import from_microseconds, microseconds

__all__ = ["TURN", "add_rows", "bulk_log", "filled_tables"]

BEGIN = microseconds(datetime(2026, 1, 1, tzinfo=UTC))
STEP = 250_000  # microseconds from row to row
A_TRANSACTION = 40_000
TURN = (
    *("parallel_process_logs",) * 6,
    *("healing_attempts",) * 3,
    *("parallel_process_logs",) * 5,
    *("agentic_spine_logs",) * 2,
    *("trigger_mesh_logs",) * 2,
    "shard_logs",
    "data_cube",
)

Cells = dict[str, object]


def filled_tables() -> list[str]:
    return [name for name in LOGS if name in TURN]


def bulk_log(folder: Path, rows: int) -> Settings:
    """A new log of so many rows in SQLite."""
    settings = Settings(data_dir=folder)
    store = open_store(settings.url)
    add_rows(store, rows)
    store.engine.dispose()
    return settings


def add_rows(store: Store, rows: int) -> None:
    """So many more, behind those that are there."""
    with store.reading() as connection:
        size = connection.execute(sa.select(ledger_head.c.size)).scalar_one()
    end = size + rows
    for low in range(size, end, A_TRANSACTION):
        _transaction(store, low, min(low + A_TRANSACTION, end))


def _transaction(store: Store, low: int, high: int) -> None:
    found: list[bytes] = [b""] * (high - low)
    options = {"writes": True}
    with store.engine.connect().execution_options(**options) as connection, connection.begin():
        for statement in drop_triggers():  # each row would be looked up three times
            connection.exec_driver_sql(statement)
        for name in filled_tables():
            indices = [index for index in range(low, high) if TURN[index % len(TURN)] == name]
            rows = [_row(name, index, high) for index in indices]
            for index, leaf in zip(indices, _leaves(name, rows), strict=True):
                found[index - low] = leaf
            marks = ", ".join("?" * len(rows[0]))
            names = ", ".join(
                f'"{column}"' for column in (*LOGS[name].kinds, "salt", "ledger_index")
            )
            connection.exec_driver_sql(f"INSERT INTO {name} ({names}) VALUES ({marks})", rows)
        grow(DatabaseTiles(connection), low, found)
        connection.execute(ledger_head.update().values(size=high))
        for statement in create_triggers():
            connection.exec_driver_sql(statement)


def _leaves(name: str, rows: Sequence[tuple[object, ...]]) -> list[bytes]:
    stored = [
        tuple(cell.encode() if isinstance(cell, str) else cell for cell in row) for row in rows
    ]
    *cells, salts, _ = zip(*stored, strict=True)
    return list(cell_leaves(TABLES[name], cells, salts))


def _row(name: str, index: int, high: int) -> tuple[object, ...]:
    """As it lies in SQLite: hashed columns, salt, index."""
    at, chance = BEGIN + index * STEP, blake2b(b"%d" % index, digest_size=26).digest()
    log = LOGS[name]
    given: Cells = {
        **CELLS[name](index, at, int.from_bytes(chance[:4], "big") / 2**32),
        "id": uuid7(from_microseconds(at), chance[:10]),
        log.key[0]: uuid7(from_microseconds(at), chance[5:15]),
        "revision": 1,
        "recorded_at": BEGIN + high * STEP,
        "source": "prefect",
    }
    return (*(given.get(column) for column in log.kinds), chance[10:], index)


def _run(index: int, at: int, chance: float) -> Cells:
    failed = index % 50 == 0
    return {
        "process_type": "task_run",
        "executor": "process/default",
        "worker_name": f"ProcessWorker {index % 7}",
        "task_name": f"fetch_page-{index % 4096:03x}",
        "task_payload": f'{{"flow":"nightly-load","run_count":1,"tags":["etl"],"page":{index}}}',
        "parent_process": f"nightly-load/{index // 11}",
        "status": "Failed" if failed else "Completed",
        "queued_at": at,
        "started_at": at + round(chance * 4e6),
        "completed_at": at + round(chance * 9e6) + 7,
        "wait_time_seconds": chance * 4,
        "execution_time_seconds": 5 * chance + 7e-6,
        "success": int(not failed),
        "result": None if failed else f'{{"limits":{{"tag:etl":8}},"rows":{index % 977}}}',
        "error": f"TimeoutError: page {index} took more than 30 s" if failed else None,
        "timestamp": at + round(chance * 9e6) + 7,
    }


def _attempt(index: int, at: int, chance: float) -> Cells:
    return {
        "error_type": ("TimeoutError", "HTTPStatusError", "KeyError")[index % 3],
        "error_message": f"Client error '429 Too Many Requests' for page {index}, gave up",
        "error_file": "flows/nightly.py",
        "error_line": index % 400,
        "stack_trace": f'File "flows/nightly.py", line {index % 400}, in fetch\n' * 3,
        "fix_type": "retry",
        "severity": ("low", "medium", "high")[index % 3],
        "confidence": chance,
        "requires_approval": index % 2,
        "attempted_at": at,
        "status": "verified",
        "success": int(chance > 0.2),
        "metadata": f'{{"run":"{index // 11}","attempt":{index % 3}}}',
    }


def _decision(index: int, at: int, chance: float) -> Cells:
    return {
        "decision_type": "retry",
        "decision_context": f'{{"page":{index},"queue":"default"}}',
        "options_considered": '["retry","skip","raise"]',
        "chosen_action": ("retry", "skip")[index % 2],
        "rationale": f"the page answered {index % 5} times out of 5",
        "confidence": chance,
        "risk_score": 1 - chance,
        "actor": "agent",
        "status": "done",
        "timestamp": at,
    }


def _event(index: int, at: int, chance: float) -> Cells:
    return {
        "event_type": "page.fetched",
        "actor": "worker",
        "resource": f"page/{index}",
        "payload": f'{{"page":{index},"bytes":{round(chance * 1e5)}}}',
        "handlers_notified": 2,
        "handlers_succeeded": 2,
        "processing_time_ms": chance * 30,
        "timestamp": at,
    }


def _shard(index: int, at: int, chance: float) -> Cells:
    return {
        "shard_id": f"shard {index % 16}",
        "task_type": "page",
        "task_description": f"fetching page {index}",
        "status": "done",
        "started_at": at,
        "duration_seconds": chance * 9,
        "tasks_processed": index,
        "success": 1,
        "result_data": f'{{"page":{index}}}',
        "timestamp": at,
    }


def _fact(index: int, at: int, chance: float) -> Cells:
    return {
        "dimension_time": at,
        "dimension_subsystem": "pages",
        "metric_value": chance * 100,
        "metric_count": index % 9,
        "context_data": f'{{"page":{index}}}',
        "timestamp": at,
    }


CELLS = {
    "parallel_process_logs": _run,
    "healing_attempts": _attempt,
    "agentic_spine_logs": _decision,
    "trigger_mesh_logs": _event,
    "shard_logs": _shard,
    "data_cube": _fact,
}
