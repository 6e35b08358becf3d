"""Databases into the log: every log table they hold, read anew each time.

No place is kept: a row may come late, or be committed behind one that was read. What the log has
already is told by natural key and payload, so that reading again adds nothing.
"""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from grace.errors import BadInput, Unreachable
from grace.ingestion.counts import Ingested, SourceCounts
from grace.ingestion.loose import Manner, time_zone
from grace.store import Store
from tasks.intake import Intake, Progress
from tasks.sql_engine import SqlAddress
from tasks.sql_source import SqlDatabase, SqlTable, open_database

__all__ = ["ingest_sql"]

LABEL = "sql"


def ingest_sql(
    store: Store,
    url: str,
    now: datetime,
    *,
    timezone: str | None = "UTC",
    progress: Progress | None = None,
) -> Ingested:
    """Take in the log tables of a database, whose names count in any case; what each came to.

    Raises BadInput where the database cannot be opened, has no log table or is this log itself,
    and Unreachable where the log cannot be written. A table that cannot be read to its end has its
    `error` and does not keep the others.
    """
    manner = Manner("json", timezone)
    if timezone is not None:
        time_zone(timezone)
    address = SqlAddress(url)
    if _is_same(address.file, store):
        raise BadInput(f"{address.name} is the log itself; name another database")
    with open_database(address) as database:
        done = Ingested()
        for table in database.tables:
            done += Ingested((_take(store, database, table, manner, now, progress),))
        return done


def _is_same(file: Path | None, store: Store) -> bool:
    ours = Path(store.engine.url.database or "")
    return file is not None and file.exists() and ours.exists() and file.samefile(ours)


def _take(
    store: Store,
    database: SqlDatabase,
    table: SqlTable,
    manner: Manner,
    now: datetime,
    progress: Progress | None,
) -> SourceCounts:
    source = f"{database.address.name} {table.name}"
    intake = Intake(store, source, LABEL, manner, now, progress=progress)
    error = None
    try:
        intake.run(database.rows(table))
    except Unreachable:
        raise
    except BadInput as problem:
        error = str(problem)
    (counts,) = intake.counts() or (SourceCounts(source, table.log),)
    return replace(counts, error=error)
