"""Every table, once: log tables are append-only and in the ledger, derived ones are neither.

Derived tables are rebuilt or advanced from the log, and never exported.
"""

import sqlalchemy as sa
from sqlalchemy import Column, Table

from grace.states import OPEN
from grace.store.log_tables import (
    ALIASES,
    LOGS,
    OWN_SOURCES,
    SIMULATOR,
    LogTable,
    is_own,
    metadata,
)
from grace.store.types import UtcTime

__all__ = [
    "ALIASES",
    "LOGS",
    "OWN_SOURCES",
    "SIMULATOR",
    "LogTable",
    "checkpoints",
    "cursors",
    "is_own",
    "ledger_head",
    "ledger_tiles",
    "metadata",
    "outbox",
    "proposal_heads",
    "quarantine",
    "recent_reader",
    "recent_rows",
    "rollups",
]

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("one", sa.Integer, primary_key=True),
    Column("size", sa.BigInteger, nullable=False),
    sa.CheckConstraint("one = 1", name="single_row"),
)
ledger_tiles = Table(
    "ledger_tiles",
    metadata,
    Column("level", sa.Integer, primary_key=True),
    Column("tile", sa.BigInteger, primary_key=True),
    Column("hashes", sa.LargeBinary, nullable=False),
)
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", sa.BigInteger, primary_key=True),
    Column("note", sa.Text, nullable=False),
    Column("signed_at", UtcTime, nullable=False),
)
outbox = Table(
    "outbox",
    metadata,
    Column("ledger_index", sa.BigInteger, primary_key=True),
    Column("event_id", sa.Text, nullable=False),
    Column("published_at", UtcTime),
)
cursors = Table(
    "cursors",
    metadata,
    Column("reader", sa.Text, primary_key=True),
    Column("position", sa.Text, nullable=False),
)
# Input that broke its table's schema, as JSON text; `position` is its place within `source`, and
# `landed_at` when a retry took it after all.
quarantine = Table(
    "quarantine",
    metadata,
    Column("quarantine_id", sa.Text, primary_key=True),
    Column("log_table", sa.Text, nullable=False),
    Column("source", sa.Text, nullable=False),
    Column("position", sa.Text, nullable=False),
    Column("digest", sa.Text, nullable=False),
    Column("reason", sa.Text, nullable=False),
    Column("row", sa.Text, nullable=False),
    Column("quarantined_at", UtcTime, nullable=False),
    Column("landed_at", UtcTime),
    sa.UniqueConstraint("source", "position", "digest"),
)
# Sufficient figures of one hour: `part` names a severity, a task, ..., and is empty for the whole;
# `state` is JSON and can be merged with that of other hours.
rollups = Table(
    "rollups",
    metadata,
    Column("hour", UtcTime, primary_key=True),
    Column("measure", sa.Text, primary_key=True),
    Column("part", sa.Text, primary_key=True),
    Column("state", sa.Text, nullable=False),
)
# What the engines read of the last weeks, an hour of a log table in columns: `rows` is an Arrow
# message of newest revisions, compressed.
recent_rows = Table(
    "recent_rows",
    metadata,
    Column("log_table", sa.Text, primary_key=True),
    Column("hour", UtcTime, primary_key=True),
    Column("rows", sa.LargeBinary, nullable=False),
)
proposal_heads = Table(
    "proposal_heads",
    metadata,
    Column("proposal_id", sa.Text, primary_key=True),
    Column("kind", sa.Text, nullable=False),
    Column("target", sa.Text, nullable=False),
    Column("fingerprint", sa.Text, nullable=False),
    Column("state", sa.Text, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)
_is_open = proposal_heads.c.state.in_([sa.literal_column(f"'{state}'") for state in sorted(OPEN)])
sa.Index(
    "uq_open_opportunity",
    proposal_heads.c.kind,
    proposal_heads.c.target,
    proposal_heads.c.fingerprint,
    unique=True,
    sqlite_where=_is_open,
    postgresql_where=_is_open,
)


def recent_reader(log_table: str) -> str:
    """The cursor that says up to where `recent_rows` holds a log table."""
    return f"recent:{log_table}"
