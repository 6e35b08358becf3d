"""The hourly engine: read what is new, learn its errors, weigh them, propose what is proven."""

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import State, flow
from prefect.utilities.annotations import quote

from grace.settings import Settings
from tasks.analysis import publish_analysis
from tasks.ingest_prefect import ingest_prefect_runs
from tasks.ledger import sign_ledger
from tasks.opportunities import (
    check_none_failed,
    find_low_confidence,
    find_low_execution,
    find_poor_healing,
    find_recurring_errors,
    follow_leads,
    leads_of,
    learn_patterns,
    publish_findings,
    record_cycle,
)

__all__ = ["proactive_improvement"]

DAY = timedelta(days=1)
KINDS = (find_recurring_errors, find_poor_healing, find_low_confidence, find_low_execution)


@flow(name="proactive-improvement", retries=0, log_prints=True)
def proactive_improvement() -> None:
    """Analyses the last day, looks for what could be better, and asks about what is proven.

    What it did not propose it says why: in its artifact, and in `grace status --why TARGET`. A part
    that fails does not keep the others from their work; the run fails at its end, and names it.
    """
    settings = Settings()
    began = datetime.now(UTC)
    parts: list[State[Any]] = [
        ingest_prefect_runs(settings, began, return_state=True),
        learn_patterns(settings, began, return_state=True),
    ]
    looked = [find(settings, began, return_state=True) for find in KINDS]
    findings = follow_leads(settings, began, quote(leads_of(looked)))
    publish_findings(settings, "opportunities", findings)
    for finding in findings:
        print(f"{finding.target}: {finding.standing}. {finding.reason}")
    record_cycle(settings, "proactive_improvement", began, datetime.now(UTC), findings)
    # last, for it shows what was found too
    parts.append(publish_analysis(settings, began - DAY, began, return_state=True))
    sign_ledger(settings)
    check_none_failed([*parts, *looked], findings)
