"""The restore drill: a backup that was never restored is a hope."""

from datetime import UTC, datetime

from prefect import flow

from grace.settings import Settings
from tasks.drill import drill_restore
from tasks.ledger import sign_ledger

__all__ = ["restore_drill"]


@flow(name="restore-drill", retries=0, log_prints=True)
def restore_drill() -> None:
    """Restores the newest backup beside the log, proves every row, and throws it away.

    The log and the backup are only read. A run that fails says why it could not be restored.
    """
    settings, now = Settings(), datetime.now(UTC)
    drill = drill_restore(settings, now)
    print(f"{drill.rows:,} rows of {drill.path} restored and proven in {drill.seconds:.1f} s")
    sign_ledger(settings)
