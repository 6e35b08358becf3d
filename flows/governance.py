"""The governance sweep: nothing that was decided stays undone, nothing unanswered stays open."""

from datetime import UTC, datetime

from prefect import flow

from grace.settings import Settings
from tasks.changes import apply_change, start_measurement, start_next_step, take_step
from tasks.ingest_prefect import ingest_prefect_runs
from tasks.ledger import sign_ledger
from tasks.sweep import expire_overdue, find_unfinished, restart_lost_approvals

__all__ = ["governance"]


@flow(name="governance", retries=0, log_prints=True)
def governance() -> None:
    """Expires, asks again, applies what was approved, and takes up what was cut short."""
    settings = Settings()
    now = datetime.now(UTC)
    print(f"expired: {expire_overdue(settings)}; asked again: {restart_lost_approvals(settings)}")
    unfinished = find_unfinished(settings)
    for proposal_id in unfinished["apply"]:
        carried = apply_change(settings, proposal_id)
        print(carried.told)
        if carried.state == "applied":
            start_measurement(settings, proposal_id)
    if unfinished["step"]:
        ingest_prefect_runs(settings, now)
    for proposal_id in unfinished["step"]:
        carried = take_step(settings, proposal_id, now)
        print(carried.told)
        if carried.next_at:
            start_next_step(settings, proposal_id, carried.next_at)
    sign_ledger(settings)
