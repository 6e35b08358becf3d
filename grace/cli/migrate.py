"""`grace migrate`: brings a log in PostgreSQL to this release, once there is a dump of it."""

from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(migrate)


def migrate(
    dumped: Annotated[
        bool, typer.Option("--dumped", help="You have a dump of the database as it is (pg_dump).")
    ] = False,
) -> None:
    """Bring the log to the schema of this release.

    A log in a SQLite file is copied beside itself and migrated whenever it is opened; of one in
    PostgreSQL you take the dump, and say so.

    Example: grace migrate --dumped
    """
    from grace.cli import output
    from grace.cli.options import settings
    from grace.store import open_store
    from grace.store.database import REVISION

    open_store(settings().url, create=False, dumped=dumped).engine.dispose()
    output.emit({"schema": REVISION}, f"the log has the schema of this release, {REVISION}")
