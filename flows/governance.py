"""The governance sweep: nothing that was decided stays undone, nothing unanswered stays open."""

from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from grace.settings import Settings
from tasks.changes import apply_change, take_step
from tasks.experiments import look_at_experiments
from tasks.ingest_prefect import ingest_prefect_runs
from tasks.ledger import sign_ledger
from tasks.reviews import start_missed_reviews
from tasks.sweep import (
    crash_lost,
    expire_overdue,
    find_unfinished,
    remove_idle_limits,
    report_drift,
    restart_lost_approvals,
)

__all__ = ["governance"]


@flow(name="governance", retries=0, log_prints=True)
def governance() -> list[State[Any]]:
    """Ends runs without a process, expires, asks again, applies what was approved, takes up what
    was cut short, tells of drift;
    looks at experiments; starts the reviews of goals that no event started.

    A proposal that cannot be carried on shows as a failed task and does not keep the others.
    """
    settings = Settings()
    now = datetime.now(UTC)
    done: list[State[Any]] = [
        crash_lost(settings, return_state=True),
        expire_overdue(settings, return_state=True),
        restart_lost_approvals(settings, return_state=True),
    ]
    unfinished = find_unfinished(settings)
    for proposal_id in unfinished["apply"]:
        done.append(apply_change(settings, proposal_id, return_state=True))
    if unfinished["step"]:
        done.append(ingest_prefect_runs(settings, now, return_state=True))
    for proposal_id in unfinished["step"]:
        done.append(take_step(settings, proposal_id, now, return_state=True))
    done.append(look_at_experiments(settings, now, return_state=True))
    done.append(report_drift(settings, return_state=True))
    done.append(remove_idle_limits(settings, return_state=True))
    done.append(start_missed_reviews(settings, return_state=True))
    return [*done, sign_ledger(settings, return_state=True)]
