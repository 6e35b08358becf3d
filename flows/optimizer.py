"""The performance optimizer: reads new runs, weighs them, and proposes what is proven."""

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any

from prefect import State, flow
from prefect.utilities.annotations import quote
from pydantic import Field

from grace.settings import Settings
from tasks.cycles import LEAST_SECONDS, cycles
from tasks.ingest_prefect import ingest_prefect_runs
from tasks.ledger import sign_ledger
from tasks.opportunities import (
    check_never_failed,
    failed_parts,
    find_waits,
    follow_leads,
    leads_of,
    publish_findings,
    record_cycle,
    results_of,
)
from tasks.performance import find_causes, find_failing_tasks, find_low_activity, find_slow_runs

__all__ = ["performance_optimizer"]

# waits first: where a limit makes runs both wait and take long, it is proposed for the waits
KINDS = (find_waits, find_slow_runs, find_failing_tasks, find_low_activity)
# its cycles are called so in the log since there was nothing but waits
FOCUS = "reduce_wait_time"

Seconds = Annotated[int | None, Field(ge=LEAST_SECONDS, le=3600)]
Count = Annotated[int | None, Field(ge=1)]


@flow(name="performance-optimizer", retries=0, log_prints=True)
def performance_optimizer(interval_seconds: Seconds = None, cycles_at_most: Count = None) -> None:
    """Finds what makes runs wait, take long or fail, and asks a person about what is proven.

    What it did not propose it says why: in its artifact, and in `grace status --why TARGET`. A part
    that fails does not keep the others from their work; the run fails at its end, and names it.

    Args:
        interval_seconds: Real-time mode: begin a cycle every so many seconds within this one run,
            from 5 to 3600, until it is cancelled. Leave it empty for one cycle.
        cycles_at_most: Of the real-time mode: end after so many cycles. Empty goes on for ever.
    """
    settings, failed = Settings(), Counter[str]()
    for number, began in cycles(interval_seconds, cycles_at_most):
        failed.update(_cycle(settings, number, began))
    check_never_failed(failed)


def _cycle(settings: Settings, number: int, began: datetime) -> list[str]:
    """One cycle; the parts and targets that failed. Twice is once: what is open is not raised."""
    ingested = ingest_prefect_runs(settings, began, return_state=True)
    looked = [find(settings, began, return_state=True) for find in KINDS]
    binds = find_causes(settings, began, return_state=True)
    followed = follow_leads(settings, began, quote(leads_of(looked)), return_state=True)
    findings = results_of([followed, binds])
    parts: list[State[Any]] = [ingested, *looked, binds, followed]
    failed = failed_parts(parts, findings)
    for finding in findings:
        print(f"{finding.target}: {finding.standing}. {finding.reason}")
    ended = datetime.now(UTC)
    last: list[State[Any]] = [
        publish_findings(settings, "performance", findings, failed, return_state=True),
        record_cycle(settings, FOCUS, began, ended, findings, number=number, return_state=True),
        sign_ledger(settings, return_state=True),
    ]
    return failed + failed_parts(last)
