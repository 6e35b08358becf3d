"""What Prefect ran, and what loggers left in the spool, into the log."""

from datetime import UTC, datetime

from prefect import flow

from grace.settings import Settings
from tasks.ingest_outside import load_spool
from tasks.ingest_prefect import ingest_prefect_runs, publish_counts

__all__ = ["ingestion"]


@flow(name="ingestion", retries=0)
def ingestion() -> None:
    """Reads what Prefect ran since the last time; doing it twice adds nothing."""
    settings, now = Settings(), datetime.now(UTC)
    load_spool(settings, now)
    counts = ingest_prefect_runs(settings, now)
    publish_counts(settings, counts, now)
