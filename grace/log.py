"""The unified logger: one call a row, or many rows at once, into the log of `GRACE_*`.

    from grace import log

    log.healing_attempt(error_type="TimeoutError", fix_type="retry", success=True)
    log.batch("healing_attempts", frame)

A function takes the columns of its table by name. Row, leaf and event commit together or not at
all, from as many processes at once as one likes. A row whose newest revision says the same already
is not logged again.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, Union, cast

from grace.settings import Settings
from grace.store import Store, open_store
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

SOURCE = "logger"
ARROW_ROWS = 1000  # turned into Python objects at a time


class _One(Protocol):
    def __call__(self, **columns: object) -> int: ...


def batch(table: str, rows: Rows) -> int:
    """Log rows into a table, all or none; how many were new.

    Missing values of a frame (NaN, NaT, NA) and nulls of an Arrow table are null. Raises BadInput
    naming table and column where a value cannot be kept, NotOurs or BadInput for the database.
    """
    kinds = log_table(table).kinds
    with _store().writing(datetime.now(UTC)) as writer:
        return len(writer.append(table, _mappings(rows, kinds), source=SOURCE))


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


def _store() -> Store:
    return _opened(Settings().url, os.getpid())


@lru_cache(maxsize=4)
def _opened(url: str, process: int) -> Store:
    """Opened once a process: a connection must not be carried over a fork."""
    return open_store(url)
