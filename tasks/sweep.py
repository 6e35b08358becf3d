"""What the governance sweep finds undone: overdue answers, lost runs, deeds cut short."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from prefect import task

from grace.actions.drift import record_reverted, reverted
from grace.actions.idle import put_back_to_none, record_removed
from grace.actions.measuring import step_due
from grace.actions.turns import turn
from grace.errors import BadInput, Unreachable
from grace.governance.brakes import held
from grace.governance.decisions import Decision, count_decisions, record_decision
from grace.governance.policy import load_policy
from grace.governance.register import Entry, list_entries, move
from grace.installation import crash_lost_runs
from grace.settings import Settings
from grace.store import open_store
from tasks.levers.concurrency_limit import ConcurrencyLimit
from tasks.notices import tell
from tasks.prefect_desk import PrefectDesk
from tasks.proposals import ask_person
from tasks.runs import Run, cancel_run, read_run

__all__ = [
    "crash_lost",
    "expire_overdue",
    "find_unfinished",
    "remove_idle_limits",
    "report_drift",
    "restart_lost_approvals",
]

# what a run does by itself it does sooner; only then is it taken for lost
PATIENCE = timedelta(seconds=60)
LOST = "the run that asked ended without an answer"


@task
def expire_overdue(settings: Settings) -> list[str]:
    """Move what nobody answered in time to expired, then cancel the runs; their ids."""
    store, now = open_store(settings.url), datetime.now(UTC)
    overdue = [
        entry
        for entry in list_entries(store)
        if entry.state == "awaiting_approval" and entry.proposal.is_overdue(now)
    ]
    for entry in overdue:
        reason = f"nobody answered until {entry.proposal.deadline:%Y-%m-%d %H:%M} UTC"
        with store.writing(now) as writer:
            move(writer, entry, "expired", reason=reason)
        if entry.run_id:
            cancel_run(entry.run_id, reason)
    return [entry.id for entry in overdue]


@task
def restart_lost_approvals(settings: Settings) -> list[str]:
    """Ask again where the run that asked is over without an answer; the proposals' ids.

    A run that somebody cancelled, crashed or forced to an end is no consent, and says so in the
    record; nor is one that waits without a form, in which nobody could answer: it is cancelled.
    """
    store = open_store(settings.url)
    waiting = [entry for entry in list_entries(store) if entry.state == "awaiting_approval"]
    lost = [entry for entry in waiting if _is_lost(entry)]
    for entry in lost:
        if entry.run_id is not None:
            _record_lost(settings, entry, read_run(entry.run_id))
            cancel_run(entry.run_id, LOST)
        lost_before = count_decisions(store, entry.id, answer="invalid", reason=LOST)
        ask_person(settings, entry, attempt=1 + lost_before)
    return [entry.id for entry in lost]


@task
def crash_lost(settings: Settings) -> list[str]:
    """Set to Crashed what is left of runs of this machine whose process has died; their names.

    Of a log that is not the first one nothing: its runs belong to the same installation.
    """
    if settings.log != "main":
        return []
    return [run.name for run in crash_lost_runs(settings, datetime.now(UTC))]


@task
def find_unfinished(settings: Settings) -> dict[str, list[str]]:
    """Proposals whose next deed is overdue, by the deed: apply or step."""
    store, now = open_store(settings.url), datetime.now(UTC)
    found: dict[str, list[str]] = {"apply": [], "step": []}
    for entry in list_entries(store):
        if entry.state in ("approved", "applying"):
            found["apply"].append(entry.id)
        elif entry.state in ("applied", "rolling_back") and now > entry.changed_at + PATIENCE:
            found["step"].append(entry.id)
        elif entry.state == "measuring":
            due = step_due(store, entry) or entry.changed_at
            if now > due + PATIENCE:
                found["step"].append(entry.id)
    return found


@task
def report_drift(settings: Settings) -> list[str]:
    """Report each kept change that somebody else set back, once; the proposals' ids."""
    store, desk = open_store(settings.url), PrefectDesk(settings)
    found = list(reverted(store, desk.lever))
    for each in found:
        record_reverted(store, each, desk.now())
        tell(settings, each.entry, "a change was set back by somebody else", each.reason)
    return [each.entry.id for each in found]


@task
def remove_idle_limits(settings: Settings) -> list[str]:
    """Take away the high limits that undoing left, where nothing holds a slot; their targets.

    While a brake is on they stay; one whose deployment is gone or whose server is away too.
    """
    store, lever, removed = open_store(settings.url), ConcurrencyLimit(settings), []
    for entry in put_back_to_none(store):
        target = entry.proposal.change.target
        with suppress(BadInput, Unreachable), turn(settings, target):
            if held(store, target) is not None:
                continue
            if (left := lever.remove_if_idle(target)) != "held":
                record_removed(store, entry, left, datetime.now(UTC))
                removed.append(target)
    return removed


def _is_lost(entry: Entry) -> bool:
    if entry.run_id is None:
        return datetime.now(UTC) > entry.changed_at + PATIENCE
    run = read_run(entry.run_id)
    if run is None or run.stands == "ended":
        return True
    return run.stands == "mute" and datetime.now(UTC) > (run.since or entry.changed_at) + PATIENCE


def _record_lost(settings: Settings, entry: Entry, run: Run | None) -> None:
    now = datetime.now(UTC)
    decision = Decision(
        question="a person's answer",
        answer="invalid",
        reason=LOST,
        proposal_id=entry.id,
        policy_digest=load_policy(settings).digest,
        content_hash=entry.content_hash,
        run_id=entry.run_id,
        decision_id=f"{entry.id}:{entry.run_id}:lost",
        detail={"state": run.state if run else "the run is gone"},
    )
    with open_store(settings.url).writing(now) as writer:
        record_decision(writer, decision)
