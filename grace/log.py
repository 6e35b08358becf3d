"""The unified logger: one call a row, or many rows at once, into the log of `GRACE_*`.

    from grace import log

    log.healing_attempt(error_type="TimeoutError", fix_type="retry", success=True)
    log.batch("healing_attempts", frame)

A function takes the columns of its table by name. Row, leaf and event commit together or not at
all, from as many processes at once as one likes. A row whose newest revision says the same already
is not logged again.

A logging call never breaks its caller. A row that its table cannot hold goes to the quarantine.
Where the log cannot be reached, rows go to a file under `spool/` beside it, and from there into the
log with the next call that reaches it, or the next ingestion. Both are told by a warning of the
logger `grace`; so is what could not even be spooled, row by row.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Union, cast

from pydantic import ValidationError

from grace.calls import Call, judge, write_call
from grace.delivery import Delivery
from grace.settings import current_settings
from grace.store.append import log_table
from grace.values import Kind

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "agentic_spine",
    "batch",
    "cube",
    "goal",
    "goal_dependency",
    "goal_evaluation",
    "healing_attempt",
    "meta_loop",
    "ml_learning",
    "parallel_process",
    "shard",
    "trigger_mesh",
]

Rows = Union[Iterable[Mapping[str, object]], "pd.DataFrame", "pa.Table"]

ARROW_ROWS = 1000  # turned into Python objects at a time
LOGGER = logging.getLogger("grace")


class _One(Protocol):
    def __call__(self, **columns: object) -> int: ...


def batch(table: str, rows: Rows) -> int:
    """Log rows into a table; how many are new in the log by now.

    Missing values of a frame (NaN, NaT, NA) and nulls of an Arrow table are null. Rows that the
    table cannot hold go to the quarantine, the others land together. Raises BadInput for a table
    that is not there.
    """
    log, now = log_table(table), datetime.now(UTC)
    given = enumerate(_mappings(rows, log.kinds), 1)
    return _deliver([judge(log, row, now, number) for number, row in given], now)


def _one(table: str) -> _One:
    def log(**columns: object) -> int:
        return batch(table, [columns])

    log.__doc__ = f"Log one row of `{table}`, its columns by name; 1 where it is new, else 0."
    return log


healing_attempt = _one("healing_attempts")
agentic_spine = _one("agentic_spine_logs")
meta_loop = _one("meta_loop_logs")
ml_learning = _one("ml_learning_logs")
trigger_mesh = _one("trigger_mesh_logs")
shard = _one("shard_logs")
parallel_process = _one("parallel_process_logs")
cube = _one("data_cube")
goal = _one("goals")
goal_dependency = _one("goal_dependencies")
goal_evaluation = _one("goal_evaluations")


def _mappings(rows: Rows, kinds: Mapping[str, Kind]) -> Iterator[Mapping[str, object]]:
    """Whatever came, as one mapping a row; a frame is known by its module, which stays unloaded."""
    kind = type(rows).__module__.partition(".")[0]
    if kind == "pyarrow":
        yield from _of_arrow(cast("pa.Table", rows))
    elif kind == "pandas":
        yield from _of_frame(cast("pd.DataFrame", rows), kinds)
    else:
        yield from cast("Iterable[Mapping[str, object]]", rows)


def _of_arrow(table: "pa.Table") -> Iterator[Mapping[str, object]]:
    for part in table.to_batches(max_chunksize=ARROW_ROWS):
        yield from part.to_pylist()


def _of_frame(frame: "pd.DataFrame", kinds: Mapping[str, Kind]) -> Iterator[Mapping[str, object]]:
    gaps_are_none = frame.astype(object).where(frame.notna(), None)
    for row in gaps_are_none.to_dict("records"):
        yield {str(name): _whole(value, kinds.get(str(name))) for name, value in row.items()}


def _whole(value: object, kind: Kind | None) -> object:
    """In a column with gaps pandas keeps whole numbers and truths as floats: 7.0, 1.0."""
    if not isinstance(value, float) or not value.is_integer():
        return value
    if kind == "boolean" and value in (0.0, 1.0):
        return bool(value)
    return int(value) if kind == "integer" else value


def _deliver(calls: list[Call], now: datetime) -> int:
    try:
        settings = current_settings()
    except ValidationError as problem:
        for call in calls:
            LOGGER.warning("a row is lost: GRACE_* is wrong (%s): %s", problem, write_call(call))
        return 0
    return _delivery(settings.url, settings.log_dir / "spool", os.getpid()).deliver(calls, now)


@lru_cache(maxsize=4)
def _delivery(url: str, folder: Path, process: int) -> Delivery:
    """One a process: its spool file is its own."""
    return Delivery(url, folder)
