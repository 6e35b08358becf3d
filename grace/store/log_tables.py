"""The log tables, once: append-only, in the ledger, exported.

Their column names are Grace's interface: files and databases that carry them load without mapping.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Table

from grace.store.types import JsonText, UtcTime
from grace.values import Kind

__all__ = ["ALIASES", "LOGS", "OWN_SOURCES", "SIMULATOR", "LogTable", "is_own", "metadata"]

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SQL_TYPES: dict[Kind, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text,
    "integer": sa.BigInteger,
    "float": sa.Double,
    "boolean": sa.Boolean,
    "time": UtcTime,
    "json": JsonText,
}

ALIASES = {"healing_metadata": "metadata"}


@dataclass(frozen=True)
class LogTable:
    """One log table: `kinds` maps every column that is hashed to its kind, in hashing order."""

    table: Table
    key: tuple[str, ...]
    time: str
    kinds: dict[str, Kind]

    @property
    def name(self) -> str:
        return self.table.name

    @cached_property
    def payload(self) -> tuple[str, ...]:
        """The columns a caller gives, the natural key among them; erasure nulls these."""
        return tuple(name for name in self.kinds if name not in IDENTITY)


SIMULATOR = "simulator"
# what Grace's own rows say; no row from outside can
OWN_SOURCES = ("grace", SIMULATOR)
IDENTITY: dict[str, Kind] = {"id": "text", "revision": "integer", "recorded_at": "time"}
LOGS: dict[str, LogTable] = {}


def _kinds(columns: str) -> dict[str, Kind]:
    """Read 'name name:kind …'; a name without a kind is text."""
    pairs = (word.partition(":") for word in columns.split())
    return {name: kind or "text" for name, _, kind in pairs}  # type: ignore[misc]


def _log(name: str, columns: str, *, key: str, time: str) -> LogTable:
    keys = tuple(key.split())
    given = _kinds(columns) | {"extra": "json", "source": "text"}
    kinds: dict[str, Kind] = IDENTITY | given
    table = Table(
        name,
        metadata,
        *(
            Column(column, SQL_TYPES[kind](), nullable=column not in (*keys, *IDENTITY, "source"))
            for column, kind in kinds.items()
        ),
        Column("ledger_index", sa.BigInteger, nullable=False, unique=True),
        Column("salt", sa.LargeBinary(16)),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(*keys, "revision"),
        sa.Index(None, time),
    )
    LOGS[name] = LogTable(table, keys, time, kinds)
    return LOGS[name]


def is_own(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """The rows that Grace wrote, in words that the partial indices on them are found by."""
    return table.c.source.in_([sa.literal_column(f"'{source}'") for source in OWN_SOURCES])


healing_attempts = _log(
    "healing_attempts",
    """attempt_id error_type error_message error_file error_line:integer stack_trace fix_type
    fix_description fix_code original_code detected_by severity confidence:float
    ml_recommendation:json success_probability:float similar_fixes_count:integer
    requires_approval:boolean approved_by approval_timestamp:time attempted_at:time applied_at:time
    verified_at:time status success:boolean failure_reason metadata:json""",
    key="attempt_id",
    time="attempted_at",
)
agentic_spine_logs = _log(
    "agentic_spine_logs",
    """log_id decision_type decision_context:json options_considered:json chosen_action rationale
    confidence:float risk_score:float actor resource status outcome impact:json timestamp:time""",
    key="log_id",
    time="timestamp",
)
meta_loop_logs = _log(
    "meta_loop_logs",
    """cycle_id cycle_number:integer snapshot_before:json snapshot_after:json focus_area
    guardrails_mode ml_root_causes:json directives_issued:json directives_executed:integer
    directives_successful:integer duration_seconds:float domains_analyzed:integer outcome
    improvements_made:json started_at:time completed_at:time""",
    key="cycle_id",
    time="started_at",
)
ml_learning_logs = _log(
    "ml_learning_logs",
    """learning_id learning_type subsystem pattern_name pattern_count:integer
    pattern_success_rate:float pattern_confidence:float model_type model_version
    training_samples:integer accuracy:float predicted_error predicted_likelihood:float
    prediction_correct:boolean recommended_strategy recommendation_confidence:float
    recommendation_used:boolean data_sources:json training_duration_seconds:float timestamp:time""",
    key="learning_id",
    time="timestamp",
)
trigger_mesh_logs = _log(
    "trigger_mesh_logs",
    """event_id event_type source actor resource payload:json handlers_notified:integer
    handlers_succeeded:integer handlers_failed:integer processing_time_ms:float timestamp:time""",
    key="event_id",
    time="timestamp",
)
shard_logs = _log(
    "shard_logs",
    """log_id shard_id shard_type domain worker_id task_type task_description task_priority status
    started_at:time completed_at:time duration_seconds:float cpu_usage:float memory_usage:float
    tasks_processed:integer success:boolean result_data:json error_message timestamp:time""",
    key="log_id",
    time="timestamp",
)
parallel_process_logs = _log(
    "parallel_process_logs",
    """process_id process_type executor worker_name task_name task_payload:json parent_process
    status queued_at:time started_at:time completed_at:time wait_time_seconds:float
    execution_time_seconds:float cpu_percent:float memory_mb:float success:boolean result:json
    error timestamp:time""",
    key="process_id",
    time="timestamp",
)
data_cube = _log(
    "data_cube",
    """cube_id dimension_time:time dimension_subsystem dimension_actor dimension_action
    dimension_resource metric_success:float metric_duration:float metric_confidence:float
    metric_impact:float metric_value:float metric_count:integer metric_error_count:integer
    metric_fix_count:integer metric_learning_count:integer category_tier category_severity
    category_type context_data:json timestamp:time""",
    key="cube_id",
    time="timestamp",
)
# Grace's own rows are few among those of a governed system: its patterns and rules, and the newest
# cycle of each engine, are found without going through the others.
sa.Index(
    "ix_own_learning_id",
    ml_learning_logs.table.c.learning_id,
    sqlite_where=is_own(ml_learning_logs.table),
    postgresql_where=is_own(ml_learning_logs.table),
)
sa.Index(
    "ix_own_focus_area",
    meta_loop_logs.table.c.focus_area,
    meta_loop_logs.table.c.ledger_index,
    sqlite_where=is_own(meta_loop_logs.table) & meta_loop_logs.table.c.completed_at.is_not(None),
    postgresql_where=(
        is_own(meta_loop_logs.table) & meta_loop_logs.table.c.completed_at.is_not(None)
    ),
)
goals = _log(
    "goals",
    """goal_id title description category priority status metric direction baseline:float
    target:float deadline:time progress:float created_by auto_created:boolean created_at:time
    completed_at:time""",
    key="goal_id",
    time="created_at",
)
goal_dependencies = _log(
    "goal_dependencies",
    "goal_id depends_on_goal_id type note",
    key="goal_id depends_on_goal_id",
    time="recorded_at",
)
goal_evaluations = _log(
    "goal_evaluations",
    """evaluation_id goal_id status explanation confidence:float value:float forecast:json
    created_at:time""",
    key="evaluation_id",
    time="created_at",
)
proposals = _log(
    "proposals",
    """proposal_id state kind target fingerprint title content:json content_hash risk:float tier
    proposed_by created_at:time deadline:time verdict reason run_id changed_at:time""",
    key="proposal_id",
    time="changed_at",
)
decisions = _log(
    "decisions",
    """decision_id proposal_id question answer reviewer assurance reason policy_digest content_hash
    run_id detail:json decided_at:time""",
    key="decision_id",
    time="decided_at",
)
actions = _log(
    "actions",
    """action_id proposal_id purpose lever target change:json observed:json status error run_id
    started_at:time finished_at:time""",
    key="action_id",
    time="started_at",
)
verdicts = _log(
    "verdicts",
    """verdict_id proposal_id design metric verdict final:boolean e_value:float effect:float
    interval_low:float interval_high:float pairs:integer void_pairs:integer evidence:json
    decided_at:time""",
    key="verdict_id",
    time="decided_at",
)
erasures = _log(
    "erasures",
    "erasure_id table_name row_id digest reason requested_by approved_by erased_at:time",
    key="erasure_id",
    time="erased_at",
)
