"""What the engines look for: each kind of opportunity is one task, and gives its leads.

The leads of a cycle are followed together, because e-BH selects across all of its streams.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from prefect import State, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from grace.desk import Desk
from grace.errors import CheckFailed
from grace.opportunities import (
    enhance_healing,
    fix_recurring_error,
    improve_execution,
    improve_ml_confidence,
    reduce_wait_time,
)
from grace.opportunities.confidences import model_logs
from grace.opportunities.drawing import Case
from grace.opportunities.earning import execution_units
from grace.opportunities.finding import Finding
from grace.opportunities.page import findings_table
from grace.opportunities.streams import Seen
from grace.opportunities.waits import pressures
from grace.patterns.learning import learn
from grace.patterns.library import Library
from grace.patterns.record import records, records_of
from grace.patterns.rules import rule_of
from grace.settings import Settings
from grace.store import open_store
from grace.store.read import first_time, newest
from tasks.executions import beside, decisions_since
from tasks.retraining import means_of, origin_of
from tasks.search import Lead, Search

__all__ = [
    "check_none_failed",
    "find_low_confidence",
    "find_low_execution",
    "find_poor_healing",
    "find_recurring_errors",
    "find_waits",
    "follow_leads",
    "leads_of",
    "learn_patterns",
    "publish_findings",
    "record_cycle",
]


@task
def find_waits(settings: Settings, now: datetime) -> list[Lead]:
    """Every limit in the log."""
    search = Search.begin(settings, now)
    frame = newest(search.store, "parallel_process_logs", since=search.since)
    leads = []
    for pressure in pressures(frame, now, since=search.since):

        def case(seen: Seen, ledger_size: int, pressure=pressure) -> Case | Finding:  # type: ignore[no-untyped-def]
            return reduce_wait_time.case_for(seen, pressure, frame, search.policy, ledger_size)

        origin = search.origin(pressure.key)
        leads.append(Lead(reduce_wait_time.stream_of(pressure, origin), case))
    return leads


@task
def learn_patterns(settings: Settings, now: datetime) -> int:
    """Mine the errors that came since the last time; how many patterns were new."""
    return learn(settings, open_store(settings.url), now)


@task
def find_recurring_errors(settings: Settings, now: datetime) -> list[Lead]:
    """Every error pattern in every task that has no rule yet, the costliest first."""
    search = Search.begin(settings, now)
    library = Library.load(search.store)
    frame = newest(search.store, "parallel_process_logs", since=search.since)
    leads = []
    for each in fix_recurring_error.recurrences(frame, library.fingerprint_of, now, search.since):
        if rule_of(search.store, each.fingerprint) is not None:
            continue

        def case(seen: Seen, ledger_size: int, each=each) -> Case | Finding:  # type: ignore[no-untyped-def]
            tried = records_of(search.store, library, each.fingerprint)
            template = library.pattern(each.fingerprint).template
            return fix_recurring_error.case_for(seen, each, tried, template, ledger_size)

        leads.append(Lead(fix_recurring_error.stream_of(each, search.origin(each.target)), case))
    return leads


@task
def find_poor_healing(settings: Settings, now: datetime) -> list[Lead]:
    """How often healing works, and which error has a better fix than what is tried."""
    search = Search.begin(settings, now)
    attempts = newest(search.store, "healing_attempts", since=search.since)
    units = enhance_healing.healing_units(attempts, now)
    if not units:
        return []
    library = Library.load(search.store)

    def case(seen: Seen, ledger_size: int) -> Case | Finding:
        tried = records(attempts, library)
        return enhance_healing.case_for(seen, tried, library, is_free, ledger_size)

    def is_free(target: str) -> bool:
        rule = rule_of(search.store, target.partition(":")[2])
        return rule is None and search.standing(enhance_healing.KIND, target) is None

    begun = first_time(search.store, "healing_attempts") or now
    return [Lead(enhance_healing.stream_of(units, begun), case)]


@task
def find_low_confidence(settings: Settings, now: datetime) -> list[Lead]:
    """How sure each model is, and whether it has earned that."""
    search = Search.begin(settings, now)
    logs = model_logs(newest(search.store, "ml_learning_logs", since=search.since), now)
    if not logs:
        return []
    means, origin = means_of(search), origin_of(search)
    leads = []
    for model in logs:

        def case(seen: Seen, ledger_size: int, model=model) -> Case | Finding:  # type: ignore[no-untyped-def]
            return improve_ml_confidence.case_for(seen, model, means, ledger_size)

        leads += [Lead(each, case) for each in improve_ml_confidence.streams_of(model, origin)]
    return leads


@task
def find_low_execution(settings: Settings, now: datetime) -> list[Lead]:
    """How many decisions are executed, and which type of them has earned a permit."""
    search = Search.begin(settings, now)
    decisions = decisions_since(search.store, search.policy, search.since)
    units = execution_units(decisions, now)
    if not units:
        return []

    def case(seen: Seen, ledger_size: int) -> Case | Finding:
        return improve_execution.case_for(seen, decisions, beside(search), ledger_size)

    begun = first_time(search.store, "agentic_spine_logs") or now
    return [Lead(improve_execution.stream_of(units, begun), case)]


@task(cache_policy=NO_CACHE)  # a lead holds a function, of which no cache key can be made
def follow_leads(
    settings: Settings, now: datetime, leads: Sequence[Lead], desk: Desk | None = None
) -> list[Finding]:
    """Propose what is proven, say of the others why not.

    Pass the leads as `prefect.utilities.annotations.quote(leads)`, or Prefect looks for futures in
    every number of every stream.
    """
    return Search.begin(settings, now, desk).follow(leads)


@task
def publish_findings(settings: Settings, about: str, findings: Sequence[Finding]) -> None:
    """The table of what was found, under one key a log: the newest version is the present."""
    sample = ": *sample workload*" if settings.sample else ""
    create_markdown_artifact(
        f"# {about.capitalize()}{sample}\n\n{findings_table(findings)}",
        key=f"{about.replace(' ', '-')}-{settings.log}",
    )


@task
def record_cycle(
    settings: Settings, focus: str, began: datetime, ended: datetime, found: Sequence[Finding]
) -> None:
    """One `meta_loop_logs` row a cycle, with the reason for everything that was not proposed."""
    proposed = [each.proposal_id for each in found if each.standing == "proposed"]
    row = {
        "cycle_id": flow_run.id,
        "focus_area": focus,
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


def leads_of(looked: Iterable[State[list[Lead]]]) -> list[Lead]:
    """What the searches gave that did not fail."""
    return [lead for state in looked if state.is_completed() for lead in state.result()]


def check_none_failed(parts: Iterable[State[Any]], findings: Sequence[Finding]) -> None:
    """Raises CheckFailed naming the parts and targets that failed, after all the others are done.

    `parts` are the final states of a cycle's tasks.
    """
    failed = [str(state.message) for state in parts if not state.is_completed()]
    failed += [f"{each.target}: {each.reason}" for each in findings if each.standing == "failed"]
    if failed:
        raise CheckFailed("; ".join(failed))
