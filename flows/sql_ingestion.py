"""A database of another system, into the log."""

from datetime import UTC, datetime

from prefect import flow

from grace.ingestion.requests import SqlIngestion
from grace.settings import Settings
from tasks.ingest_outside import check_ingested, load_database, load_spool, publish_ingested

__all__ = ["sql_ingestion"]


@flow(name="sql-ingestion", retries=0)
def sql_ingestion(request: SqlIngestion) -> None:
    """Reads the log tables of a database, and the spool; doing it twice adds nothing.

    Rows that their table cannot hold go to the quarantine. Ends as failed where a table cannot be
    read, where nothing landed, and with `strict` where a single row did not.
    """
    settings, now = Settings(), datetime.now(UTC)
    done = load_spool(settings, now) + load_database(settings, request, now)
    publish_ingested(settings, done, now)
    check_ingested(done, request.strict)
