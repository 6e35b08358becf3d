"""The retention of archives: what the rules no longer keep goes once governance agrees."""

from datetime import UTC, datetime

from prefect import flow

from grace.settings import Settings
from tasks.ledger import sign_ledger
from tasks.retention import propose_retention

__all__ = ["archive_retention"]


@flow(name="archive-retention", retries=0, log_prints=True)
def archive_retention() -> str:
    """Proposes to delete what governance.toml does not keep; deletes nothing itself."""
    settings = Settings()
    told = propose_retention(settings, datetime.now(UTC))
    print(told)
    sign_ledger(settings)
    return told
