"""Signing the log at the end of an engine's run."""

from datetime import UTC, datetime

from prefect import task

from grace.notary.signer import sign
from grace.settings import Settings
from grace.store import open_store

__all__ = ["sign_ledger"]


@task
def sign_ledger(settings: Settings) -> int:
    """Sign what the log holds now; its size."""
    return sign(settings, open_store(settings.url), datetime.now(UTC)).size
