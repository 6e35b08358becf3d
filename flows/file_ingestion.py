"""Files of other systems, into the log."""

from datetime import UTC, datetime

from prefect import flow

from grace.ingestion.requests import FileIngestion
from grace.settings import Settings
from tasks.ingest_outside import check_ingested, load_files, load_spool, publish_ingested

__all__ = ["file_ingestion"]


@flow(name="file-ingestion", retries=0)
def file_ingestion(request: FileIngestion) -> None:
    """Reads CSV, JSON, JSONL and Parquet files, and the spool; doing it twice adds nothing.

    Rows that their table cannot hold go to the quarantine. Ends as failed where a file cannot be
    read, where nothing landed, and with `strict` where a single row did not.
    """
    settings, now = Settings(), datetime.now(UTC)
    done = load_spool(settings, now) + load_files(settings, request, now)
    publish_ingested(settings, done, now)
    check_ingested(done, request.strict)
