"""What the engines read of the last weeks, in columns."""

import sqlalchemy as sa
from alembic import op

from grace.store.types import UtcTime

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
