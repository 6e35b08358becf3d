"""One step of a measurement: close a block, judge, begin the next; it starts the step after."""

from datetime import UTC, datetime

from prefect import flow

from grace.settings import Settings
from tasks.artifacts import publish_look
from tasks.changes import take_step
from tasks.ingest_prefect import ingest_prefect_runs
from tasks.ledger import sign_ledger

__all__ = ["measurement"]


@flow(name="measurement", retries=0, log_prints=True)
def measurement(proposal_id: str) -> None:
    """Takes the step that is due for a proposal whose change was applied.

    A step that is lost or comes twice harms nothing: the log says where the measurement stands.
    """
    settings = Settings()
    closed_at = datetime.now(UTC)
    ingest_prefect_runs(settings, closed_at)
    print(take_step(settings, proposal_id, closed_at).told)
    publish_look(settings, proposal_id)
    sign_ledger(settings)
