"""The hourly engine: read what is new, learn its errors, weigh them, propose what is proven."""

from datetime import UTC, datetime

from prefect import flow

from grace.settings import Settings
from tasks.ingest_prefect import ingest_prefect_runs
from tasks.ledger import sign_ledger
from tasks.opportunities import (
    check_none_failed,
    find_poor_healing,
    find_recurring_errors,
    learn_patterns,
    publish_findings,
    record_cycle,
)

__all__ = ["proactive_improvement"]


@flow(name="proactive-improvement", retries=0, log_prints=True)
def proactive_improvement() -> None:
    """Finds errors that recur and healing that works too seldom, and asks about better rules.

    What it did not propose it says why: in its artifact, and in `grace status --why TARGET`.
    """
    settings = Settings()
    began = datetime.now(UTC)
    ingest_prefect_runs(settings, began)
    print(f"{learn_patterns(settings, began)} new error patterns")
    findings = [*find_recurring_errors(settings, began), *find_poor_healing(settings, began)]
    publish_findings(settings, "opportunities", findings)
    for finding in findings:
        print(f"{finding.target}: {finding.standing}. {finding.reason}")
    record_cycle(settings, "proactive_improvement", began, datetime.now(UTC), findings)
    sign_ledger(settings)
    check_none_failed(findings)
