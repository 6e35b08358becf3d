"""The performance optimizer: read new runs, weigh every limit, propose what is proven."""

from datetime import UTC, datetime

from prefect import flow
from prefect.utilities.annotations import quote

from grace.settings import Settings
from tasks.ingest_prefect import ingest_prefect_runs
from tasks.ledger import sign_ledger
from tasks.opportunities import (
    check_none_failed,
    find_waits,
    follow_leads,
    leads_of,
    publish_findings,
    record_cycle,
)

__all__ = ["performance_optimizer"]


@flow(name="performance-optimizer", retries=0, log_prints=True)
def performance_optimizer() -> None:
    """Finds the limits that make runs wait, and asks a person about better ones.

    What it did not propose it says why: in its artifact, and in `grace status --why TARGET`.
    """
    settings = Settings()
    began = datetime.now(UTC)
    parts = [ingest_prefect_runs(settings, began, return_state=True)]
    looked = [find_waits(settings, began, return_state=True)]
    findings = follow_leads(settings, began, quote(leads_of(looked)))
    publish_findings(settings, "waits", findings)
    for finding in findings:
        print(f"{finding.target}: {finding.standing}. {finding.reason}")
    record_cycle(settings, "reduce_wait_time", began, datetime.now(UTC), findings)
    sign_ledger(settings)
    check_none_failed([*parts, *looked], findings)
