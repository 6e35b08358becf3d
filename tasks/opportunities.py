"""One cycle's search: the log is read, the limits are weighed, and what is proven is proposed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run

from grace.actions.action import last_action_on
from grace.governance.policy import Policy, load_policy
from grace.governance.register import Entry, list_entries
from grace.governance.track import track_of
from grace.levers import find_lever
from grace.opportunities.drawing import Case, draw_up
from grace.opportunities.finding import Finding
from grace.opportunities.reduce_wait_time import KIND, Seen, case_for, finding_for, see
from grace.opportunities.standing import standing_of
from grace.opportunities.waits import pressures
from grace.settings import Settings
from grace.store import Store, open_store
from grace.store.read import first_time, newest
from tasks.artifacts import publish_brief
from tasks.proposals import submit_proposal

__all__ = ["find_waits", "publish_findings", "record_cycle"]

EVIDENCE_DAYS = timedelta(days=30)


@dataclass(frozen=True)
class _Cycle:
    """What every step of one search needs."""

    settings: Settings
    store: Store
    policy: Policy
    now: datetime


@task
def find_waits(settings: Settings, now: datetime) -> list[Finding]:
    """Look at every limit in the log; propose where it is proven, else say why not."""
    cycle = _Cycle(settings, open_store(settings.url), load_policy(settings), now)
    frame = newest(cycle.store, "parallel_process_logs", since=now - EVIDENCE_DAYS)
    found = pressures(frame, now, since=now - EVIDENCE_DAYS)
    origins = {each.key: _origin(cycle, each.key) for each in found}
    seen = see(found, origins, now)
    return [_propose_or_say(cycle, each, frame) for each in seen]


@task
def publish_findings(settings: Settings, findings: list[Finding]) -> None:
    """The table of what was found, under one key a log: the newest version is the present."""
    rows = "".join(
        f"| {each.target} | {each.standing} | {each.n} | "
        f"{'-' if each.mean is None else f'{each.mean:.2f} s'} | {each.reason} |\n"
        for each in findings
    )
    heading = "# Waits: *sample workload*" if settings.sample else "# Waits"
    table = f"| target | standing | n | excess wait | why |\n|---|---|---|---|---|\n{rows}"
    empty = "No run that a concurrency limit governs has been logged yet.\n"
    create_markdown_artifact(
        f"{heading}\n\n{table if findings else empty}", key=f"waits-{settings.log_name}"
    )


@task
def record_cycle(
    settings: Settings, began: datetime, ended: datetime, found: list[Finding]
) -> None:
    """One `meta_loop_logs` row a cycle, with the reason for everything that was not proposed."""
    proposed = [each.proposal_id for each in found if each.standing == "proposed"]
    row = {
        "cycle_id": flow_run.id,
        "focus_area": KIND,
        "snapshot_after": {"findings": [each.model_dump(mode="json") for each in found]},
        "directives_issued": proposed,
        "duration_seconds": (ended - began).total_seconds(),
        "domains_analyzed": len(found),
        "outcome": f"{len(proposed)} proposed of {len(found)} looked at",
        "started_at": began,
        "completed_at": ended,
    }
    with open_store(settings.url).writing(ended) as writer:
        writer.append("meta_loop_logs", [row])


def _origin(cycle: _Cycle, target: str) -> datetime:
    """Where a limit's stream begins: with the last action on it, else with the log.

    It must not move from cycle to cycle, or the gate's promise would not hold.
    """
    last = last_action_on(cycle.store, target)
    return (
        last.finished_at if last else first_time(cycle.store, "parallel_process_logs") or cycle.now
    )


def _propose_or_say(cycle: _Cycle, seen: Seen, frame: pd.DataFrame) -> Finding:
    target = seen.pressure.key
    against = standing_of(list_entries(cycle.store), KIND, target, cycle.policy, cycle.now)
    if against is not None:
        return finding_for(seen, *against)
    if not seen.raised:
        return finding_for(seen)
    with cycle.store.writing(cycle.now) as writer:
        ledger_size = writer.size
    case = case_for(seen, frame, cycle.policy, ledger_size)
    return case if isinstance(case, Finding) else _propose(cycle, seen, case)


def _propose(cycle: _Cycle, seen: Seen, case: Case) -> Finding:
    lever = find_lever(case.change.lever)
    observed = lever.read(case.change.target)
    if observed != case.change.before:
        reason = f"it is {observed!r} now, no longer {case.change.before!r} as in the evidence"
        return finding_for(seen, "watching", reason)
    proposal = draw_up(
        case,
        lever=lever,
        policy=cycle.policy,
        track=track_of(list_entries(cycle.store), lever.name),
        log=cycle.settings.log_name,
        now=cycle.now,
        rng=np.random.default_rng(),
    )
    entry = submit_proposal(cycle.settings, proposal, cycle.policy)
    publish_brief(entry, cycle.policy)
    return _told(seen, entry)


def _told(seen: Seen, entry: Entry) -> Finding:
    if entry.state == "forbidden":
        return finding_for(seen, "forbidden", entry.reason or "", entry.id)
    return finding_for(seen, "proposed", entry.proposal.title, entry.id)
