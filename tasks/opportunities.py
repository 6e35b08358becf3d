"""What the engines look for: each kind of opportunity is one task, and gives its leads.

The leads of a cycle are followed together, because e-BH selects across all of its streams.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any, TypeVar

from prefect import State, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from grace.desk import Desk
from grace.errors import CheckFailed
from grace.markdown import plain
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
from grace.opportunities.hindrances import hindrances
from grace.opportunities.page import findings_table
from grace.opportunities.spread_schedules import Timetable, schedule_of
from grace.opportunities.streams import Seen
from grace.opportunities.waits import pressures
from grace.patterns.learning import learn
from grace.patterns.library import Library
from grace.patterns.record import recorded, records
from grace.patterns.rules import rule_of
from grace.settings import Settings
from grace.store import open_store
from grace.store.read import first_time
from tasks.executions import beside, decided_of
from tasks.levers.deployment_schedule import DeploymentSchedule
from tasks.recent_runs import runs_of
from tasks.retraining import means_of, origin_of
from tasks.search import Lead, Search

__all__ = [
    "check_never_failed",
    "check_none_failed",
    "failed_parts",
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
    "results_of",
]

T = TypeVar("T")


@task
def find_waits(settings: Settings, now: datetime) -> list[Lead]:
    """Every limit in the log, and every worker that was found full."""
    search = Search.begin(settings, now)
    frame, rules = runs_of(search), search.policy.optimizer
    # of workers and schedules only flow runs tell
    hindered = hindrances(frame[frame["process_type"] == "flow_run"])
    timetable = Timetable(
        lambda target: search.desk.lever(DeploymentSchedule.name).read(target),
        lambda target: search.standing(reduce_wait_time.KIND, target),
    )
    leads = []
    for pressure in (
        *pressures(frame, now, since=search.since),
        *hindered.worker_pressures(search.since),
    ):

        def case(seen: Seen, ledger_size: int, pressure=pressure) -> Case | Finding:  # type: ignore[no-untyped-def]
            return reduce_wait_time.case_for(
                seen, pressure, frame, search.policy, ledger_size, timetable
            )

        burst = hindered.bursts.get(pressure.key)
        moved = [schedule_of(name) for name in burst.names] if burst else []
        origin = search.origin(pressure.key, *moved)
        leads.append(Lead(reduce_wait_time.stream_of(pressure, origin, rules), case))
    return leads


@task
def learn_patterns(settings: Settings, now: datetime) -> int:
    """Mine the errors that came since the last time; how many patterns were new."""
    return learn(settings, open_store(settings.url), now)


@task
def find_recurring_errors(settings: Settings, now: datetime) -> list[Lead]:
    """Every error pattern in every task that has no rule yet, the costliest first."""
    search = Search.begin(settings, now)
    library, frame = Library.load(search.store), runs_of(search)
    tried = cache(partial(recorded, search.store, library))  # the whole log, once
    leads = []
    for each in fix_recurring_error.recurrences(frame, library.fingerprint_of, now, search.since):
        if rule_of(search.store, each.fingerprint) is not None:
            continue

        def case(seen: Seen, ledger_size: int, each=each) -> Case | Finding:  # type: ignore[no-untyped-def]
            record = tried().get(each.fingerprint, {})
            template = library.pattern(each.fingerprint).template
            return fix_recurring_error.case_for(seen, each, record, template, ledger_size)

        leads.append(Lead(fix_recurring_error.stream_of(each, search.origin(each.target)), case))
    return leads


@task
def find_poor_healing(settings: Settings, now: datetime) -> list[Lead]:
    """How often healing works, and which error has a better fix than what is tried."""
    search = Search.begin(settings, now)
    attempts = search.recent("healing_attempts")
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
    logs = model_logs(search.recent("ml_learning_logs"), now)
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
    decisions = decided_of(search.recent("agentic_spine_logs"), search.policy)
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
def publish_findings(
    settings: Settings, about: str, findings: Sequence[Finding], failed: Sequence[str] = ()
) -> None:
    """The table of what was found, under one key a log: the newest version is the present.

    Above it stands which parts of the cycle failed, so that what is missing is no surprise.
    """
    sample = ": *sample workload*" if settings.sample else ""
    missing = "".join(f"**Failed:** {plain(each)}\n\n" for each in failed)
    create_markdown_artifact(
        f"# {about.capitalize()}{sample}\n\n{missing}{findings_table(findings)}",
        key=f"{about.replace(' ', '-')}-{settings.log}",
        description=_counted(findings),
    )


def _counted(findings: Sequence[Finding]) -> str:
    """How many stand how, in the order in which these come."""
    standings = Counter(each.standing for each in findings)
    return ", ".join(f"{count} {standing}" for standing, count in standings.items())


@task
def record_cycle(
    settings: Settings,
    focus: str,
    began: datetime,
    ended: datetime,
    found: Sequence[Finding],
    outcome: str | None = None,
    number: int = 1,
) -> None:
    """One `meta_loop_logs` row a cycle, with the reason for everything that was not proposed.

    `number` tells the cycles of one long run apart.
    """
    proposed = [each.proposal_id for each in found if each.standing == "proposed"]
    row = {
        "cycle_id": flow_run.id if number == 1 else f"{flow_run.id}:{number}",
        "cycle_number": number,
        "focus_area": focus,
        "snapshot_after": {"findings": [each.model_dump(mode="json") for each in found]},
        "directives_issued": proposed,
        "duration_seconds": (ended - began).total_seconds(),
        "domains_analyzed": len(found),
        "outcome": outcome or f"{len(proposed)} proposed of {len(found)} looked at",
        "started_at": began,
        "completed_at": ended,
    }
    with open_store(settings.url).writing(ended) as writer:
        writer.append("meta_loop_logs", [row])


def leads_of(looked: Iterable[State[list[Lead]]]) -> list[Lead]:
    """What the searches gave that did not fail."""
    return results_of(looked)


def results_of(parts: Iterable[State[list[T]]]) -> list[T]:
    """What the parts gave that did not fail, one after the other."""
    return [each for state in parts if state.is_completed() for each in state.result()]


def failed_parts(parts: Iterable[State[Any]], findings: Sequence[Finding] = ()) -> list[str]:
    """What failed of a cycle: of its parts, which are final states, and of its targets."""
    failed = [str(state.message) for state in parts if not state.is_completed()]
    return failed + [
        f"{each.target}: {each.reason}" for each in findings if each.standing == "failed"
    ]


def check_none_failed(parts: Iterable[State[Any]], findings: Sequence[Finding]) -> None:
    """Raises CheckFailed naming the parts and targets that failed, after all the others are done.

    `parts` are the final states of a cycle's tasks.
    """
    check_never_failed(Counter(failed_parts(parts, findings)))


def check_never_failed(failed: Mapping[str, int]) -> None:
    """Raises CheckFailed naming what failed, and in how many cycles where in several."""
    if failed:
        told = (f"{what} ({times} times)" if times > 1 else what for what, times in failed.items())
        raise CheckFailed("; ".join(told))
