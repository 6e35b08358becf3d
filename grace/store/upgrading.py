"""Bringing a database to the schema of this release, within a transaction that somebody holds."""

from pathlib import Path

from sqlalchemy.engine import Connection

from grace.store.append_only import create_triggers, drop_triggers

__all__ = ["KNOWN_REVISIONS", "REVISION", "upgrade"]

REVISION = "0003"
KNOWN_REVISIONS = ("0001", "0002", REVISION)


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing and make the triggers anew; the caller commits."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    dialect = connection.dialect.name
    for statement in (*drop_triggers(dialect), *create_triggers(dialect)):
        connection.exec_driver_sql(statement)
