"""What could not be logged, and the hourly figures of the analysis."""

import sqlalchemy as sa
from alembic import op

from grace.store.types import UtcTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "quarantine",
        sa.Column("quarantine_id", sa.Text(), nullable=False),
        sa.Column("log_table", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("quarantined_at", UtcTime(), nullable=False),
        sa.Column("landed_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("quarantine_id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("source", "position", "digest", name=op.f("uq_quarantine_source")),
    )
    op.create_table(
        "rollups",
        sa.Column("hour", UtcTime(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "measure", "part", name=op.f("pk_rollups")),
    )
