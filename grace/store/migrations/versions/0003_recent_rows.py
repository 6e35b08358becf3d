"""What the engines read of the last weeks, in columns; Grace's own rows by an index."""

import sqlalchemy as sa
from alembic import op

from grace.store.types import UtcTime

OWN = "source IN ('grace', 'simulator')"

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "recent_rows",
        sa.Column("log_table", sa.Text(), nullable=False),
        sa.Column("hour", UtcTime(), nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log_table", "hour", name=op.f("pk_recent_rows")),
    )
    for name, table, columns, which in (
        ("ix_own_learning_id", "ml_learning_logs", ["learning_id"], OWN),
        (
            "ix_own_focus_area",
            "meta_loop_logs",
            ["focus_area", "ledger_index"],
            f"{OWN} AND completed_at IS NOT NULL",
        ),
    ):
        own = sa.text(which)
        op.create_index(name, table, columns, sqlite_where=own, postgresql_where=own)
