"""A backup of the log: signed, validated, written whole or not at all."""

from datetime import UTC, datetime

from prefect import flow

from grace.export.request import ExportRequest
from grace.settings import Settings
from tasks.export import export_log, publish_export
from tasks.ledger import sign_ledger

__all__ = ["data_export"]


@flow(name="data-export", retries=0)
def data_export(request: ExportRequest = ExportRequest()) -> None:  # noqa: B008 - frozen
    """Exports what is in the log now; nothing that looks finished is left where it fails."""
    settings, now = Settings(), datetime.now(UTC)
    sign_ledger(settings)
    finished = export_log(settings, request, now)
    publish_export(settings, finished)
