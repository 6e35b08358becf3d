"""Failures as they stand in the log: in runs of tasks and flows, in healing attempts, in shards.

A healing attempt tells of one failure, the one that it was to heal, whatever came of it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.store.schema import LOGS, LogTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Failure", "count_between", "failures_between", "failures_of", "failures_within"]

_Row = Any  # of SQLAlchemy or of a frame: its fields are the columns


@dataclass(frozen=True, slots=True)
class Failure:
    """One error as a row tells it.

    `run` is the id of what failed, `unit` the flow run it was part of, else the hour. `holder` is
    the flow run around it, to which a failure of a flow run passes its error on; `is_flow` tells
    such a failure. `seconds` is how long the run had run. `fix_type` and `healed` are those of a
    healing attempt.
    """

    index: int
    at: datetime
    text: str | None
    error_type: str | None
    stack_trace: str | None
    error_file: str | None
    part: str | None
    run: str | None
    unit: str
    holder: str | None
    is_flow: bool
    seconds: float | None = None
    fix_type: str | None = None
    healed: bool | None = None

    @property
    def tells(self) -> bool:
        """Whether there is anything to know the error by."""
        return bool(self.text or self.error_type or self.stack_trace)


_COLUMNS = {
    "parallel_process_logs": """process_id process_type parent_process task_name error
        execution_time_seconds""",
    "healing_attempts": """attempt_id error_type error_message error_file stack_trace detected_by
        fix_type success metadata""",
    "shard_logs": "log_id error_message task_type domain duration_seconds",
}


def failures_between(connection: Connection, first: int, end: int) -> list[Failure]:
    """Those of all rows with a ledger index from `first` on and below `end`, in that order."""
    found: list[Failure] = []
    for log, query in _queries():
        index = log.table.c.ledger_index
        rows = connection.execute(query.where(index >= first, index < end))
        found += (_failure(log, row) for row in rows)
    return sorted(found, key=lambda failure: failure.index)


def count_between(connection: Connection, first: int, end: int) -> int:
    """How many there are from the ledger index `first` on and below `end`."""
    counts = 0
    for log, query in _queries():
        index = log.table.c.ledger_index
        within = query.where(index >= first, index < end).subquery()
        counts += connection.execute(sa.select(sa.func.count()).select_from(within)).scalar_one()
    return counts


def failures_within(
    connection: Connection,
    since: datetime,
    until: datetime,
    tables: Sequence[str] = tuple(_COLUMNS),
) -> Iterator[Failure]:
    """Those of the newest revisions, by the time of their rows: `until` is not among them."""
    for log, query in _queries():
        if log.name not in tables:
            continue
        table, time = log.table, log.table.c[log.time]
        later = table.alias("later")
        superseded = sa.exists().where(
            later.c[log.key[0]] == table.c[log.key[0]], later.c.revision > table.c.revision
        )
        recorded = table.c.recorded_at
        within = sa.or_(
            sa.and_(time >= since, time < until),
            sa.and_(time.is_(None), recorded >= since, recorded < until),
        )
        for row in connection.execute(query.where(within, ~superseded)):
            yield _failure(log, row)


def failures_of(attempts: "pd.DataFrame") -> Iterator[Failure]:
    """Those that rows of `healing_attempts` were to heal; what is missing there is NaN."""
    told = attempts.astype(object).where(attempts.notna(), None)
    rows: Iterator[_Row] = told.itertuples(index=False)
    for row in rows:
        yield _of_attempt(row, row.attempted_at or row.recorded_at)


def _queries() -> Iterator[tuple[LogTable, sa.Select[tuple[Any, ...]]]]:
    for name, columns in _COLUMNS.items():
        log = LOGS[name]
        chosen = ("ledger_index", "recorded_at", log.time, *columns.split())
        query = sa.select(*(log.table.c[column] for column in chosen))
        if name != "healing_attempts":
            query = query.where(log.table.c.success.is_(False))
        yield log, query


def _failure(log: LogTable, row: _Row) -> Failure:
    at = getattr(row, log.time) or row.recorded_at
    return _READ[log.name](row, at)


def _of_run(row: _Row, at: datetime) -> Failure:
    is_flow = row.process_type == "flow_run"
    own = row.process_id if is_flow else row.parent_process
    return Failure(
        index=row.ledger_index,
        at=at,
        text=row.error,
        error_type=None,
        stack_trace=None,
        error_file=None,
        part=row.task_name,
        run=row.process_id,
        unit=own or _hour(at),
        holder=row.parent_process,
        is_flow=is_flow,
        seconds=row.execution_time_seconds,
    )


def _of_attempt(row: _Row, at: datetime) -> Failure:
    about = _object(row.metadata)
    flow_run, task_run = _text(about.get("flow_run")), _text(about.get("task_run"))
    return Failure(
        index=row.ledger_index,
        at=at,
        text=row.error_message,
        error_type=row.error_type,
        stack_trace=row.stack_trace,
        error_file=row.error_file,
        part=_text(about.get("task")) or row.detected_by,
        run=task_run or flow_run,
        unit=flow_run or _hour(at),
        holder=flow_run if task_run else None,
        is_flow=flow_run is not None and task_run is None,
        fix_type=row.fix_type,
        healed=None if row.success is None else bool(row.success),
    )


def _of_shard(row: _Row, at: datetime) -> Failure:
    return Failure(
        index=row.ledger_index,
        at=at,
        text=row.error_message,
        error_type=None,
        stack_trace=None,
        error_file=None,
        part=row.task_type or row.domain,
        run=row.log_id,
        unit=_hour(at),
        holder=None,
        is_flow=False,
        seconds=row.duration_seconds,
    )


_READ = {
    "parallel_process_logs": _of_run,
    "healing_attempts": _of_attempt,
    "shard_logs": _of_shard,
}


def _hour(at: datetime) -> str:
    """Outside Prefect the hour is what stands and falls together."""
    return f"{at:%Y-%m-%dT%H}"


def _object(text: str | None) -> dict[str, object]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
