"""Which columns the engines read of which log table.

Texts that only describe a row are cut down to what is read of them, or else left out: they are most
of a log, and no engine looks at them again.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from grace.analysis.rows import told_in
from grace.recent.terms import with_terms
from grace.store.schema import LOGS, LogTable
from grace.values import Kind

__all__ = ["VIEWS", "View"]

Tell = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class View:
    """`columns` stand as they are logged; `tell` makes `made` of the JSON columns `described`."""

    table: str
    columns: tuple[str, ...]
    described: tuple[str, ...]
    tell: Tell
    made: Mapping[str, Kind] = field(default_factory=dict)

    @property
    def log(self) -> LogTable:
        return LOGS[self.table]

    @property
    def kinds(self) -> dict[str, Kind]:
        """Of every column that is kept."""
        kinds: dict[str, Kind] = self.log.kinds | {"ledger_index": "integer"}
        return {name: kinds[name] for name in self.columns} | dict(self.made)


def _told(keys: tuple[str, ...]) -> Tell:
    """The keys that the JSON columns say together, in the first of them; the others say nothing."""

    def tell(described: pd.DataFrame) -> pd.DataFrame:
        first, *others = described.columns
        said = [
            json.dumps({key: about[key] for key in keys if key in about}) if about else None
            for about in told_in(described)
        ]
        return pd.DataFrame({first: pd.Series(said, described.index, dtype=object)}).assign(
            **dict.fromkeys(others)
        )

    return tell


def _view(table: str, columns: str, described: str, keys: tuple[str, ...]) -> View:
    names = tuple(described.split())
    made: dict[str, Kind] = dict.fromkeys(names, "json")
    return View(table, ("ledger_index", *columns.split()), names, _told(keys), made)


RUNS = View(
    table="parallel_process_logs",
    columns=(
        "ledger_index",
        "process_id",
        "process_type",
        "executor",
        "task_name",
        "parent_process",
        "queued_at",
        "started_at",
        "completed_at",
        "execution_time_seconds",
        "success",
        "error",
        "timestamp",
    ),
    described=("task_payload",),
    tell=with_terms,
    made={"ready_at": "time", "terms": "text"},
)
ATTEMPTS = _view(
    "healing_attempts",
    """recorded_at attempt_id error_type error_message error_file stack_trace fix_type detected_by
    attempted_at verified_at success""",
    "metadata",
    ("flow_run", "task_run", "task"),
)
DECISIONS = _view(
    "agentic_spine_logs",
    "recorded_at decision_type actor status outcome timestamp source",
    "decision_context impact extra",
    ("flow_run", "tags"),
)
LEARNING = _view(
    "ml_learning_logs",
    """learning_id learning_type subsystem model_type pattern_confidence predicted_likelihood
    prediction_correct recommendation_confidence timestamp source""",
    "data_sources extra",
    ("flow_run", "tags"),
)
VIEWS = {view.table: view for view in (RUNS, ATTEMPTS, DECISIONS, LEARNING)}
