"""What the performance optimizer looks for beside the waits, and the causes that it names.

Each search gives its leads; they are followed together with those of the waits.
"""

from datetime import datetime, timedelta
from functools import cache, partial

import pandas as pd
from prefect import task

from grace.analysis.activity import hours_of
from grace.analysis.reader import open_reader
from grace.analysis.rules import load_rules
from grace.opportunities import improve_task_success, increase_activity, reduce_execution_time
from grace.opportunities.cause_findings import findings_of
from grace.opportunities.causes import diagnose
from grace.opportunities.drawing import Case
from grace.opportunities.finding import Finding
from grace.opportunities.improve_task_success import Beside
from grace.opportunities.spread_schedules import schedule_of
from grace.opportunities.streams import Seen, aligned, finding_for
from grace.opportunities.units import deployment_runs
from grace.patterns.library import Library
from grace.patterns.record import Record, recorded
from grace.patterns.rules import rule_of
from grace.recent.matching import places_of
from grace.recent.terms import limits_of
from grace.settings import Settings
from grace.store import Store
from grace.store.hours import HOUR as MICROSECONDS
from grace.store.read import first_time
from grace.values import microseconds
from tasks.recent_runs import RUNS, runs_of
from tasks.search import Lead, Search

__all__ = ["find_causes", "find_failing_tasks", "find_low_activity", "find_slow_runs"]

HOUR = timedelta(hours=1)
# so many hours of silence are shown within, where an hour counts for one bet
ACTIVITY_HOURS = timedelta(hours=96)


@task
def find_slow_runs(settings: Settings, now: datetime) -> list[Lead]:
    """How long the runs of each deployment take, and which limit their tasks wait for."""
    search = Search.begin(settings, now)
    frame, rules = runs_of(search), search.policy.optimizer
    leads = []
    gate = reduce_execution_time.gate_of(rules)
    for runs in deployment_runs(frame, reduce_execution_time.METRIC, search.since):

        def case(seen: Seen, ledger_size: int, runs=runs) -> Case | Finding:  # type: ignore[no-untyped-def]
            found = {each.subject: each for each in diagnose(frame, now, rules=rules)}
            return reduce_execution_time.case_for(
                seen,
                runs,
                frame,
                found[runs.deployment],
                search.policy,
                lambda target: search.standing(reduce_execution_time.KIND, target),
                ledger_size,
            )

        origin = search.origin(runs.subject, *_limits_on(frame, runs.ids))
        leads.append(Lead(runs.stream(reduce_execution_time.KIND, gate, origin), case))
    return leads


@task
def find_failing_tasks(settings: Settings, now: datetime) -> list[Lead]:
    """How many task runs of each deployment succeed, and which errors its retries would heal."""
    search = Search.begin(settings, now)
    frame, rules = runs_of(search), search.policy.optimizer
    leads = []
    gate = improve_task_success.gate_of(rules)
    for runs in deployment_runs(frame, improve_task_success.METRIC, search.since):

        def case(seen: Seen, ledger_size: int, runs=runs) -> Case | Finding:  # type: ignore[no-untyped-def]
            target = f"retries:{runs.deployment}"
            against = search.standing(improve_task_success.KIND, target)
            if against is not None:
                return finding_for(seen, *against)
            read = search.desk.lever(improve_task_success.LEVER).read
            beside = _beside(search)
            return improve_task_success.case_for(seen, runs, frame, beside, read, ledger_size)

        origin = search.origin(runs.subject, f"retries:{runs.deployment}")
        leads.append(Lead(runs.stream(improve_task_success.KIND, gate, origin), case))
    return leads


@task
def find_low_activity(settings: Settings, now: datetime) -> list[Lead]:
    """How much happens in an hour, and which schedule may be denser."""
    search = Search.begin(settings, now)
    begun, rules = first_time(search.store, RUNS), search.policy.optimizer
    if begun is None:
        return []
    names = increase_activity.monitoring(runs_of(search))
    origin = search.origin(increase_activity.TARGET, *map(schedule_of, names))

    def case(seen: Seen, ledger_size: int) -> Case | Finding:
        return increase_activity.case_for(
            seen,
            names,
            lambda target: search.desk.lever(increase_activity.LEVER).read(target),
            lambda target: search.standing(increase_activity.KIND, target),
            rules,
            ledger_size,
        )

    begin = aligned(max(origin, begun), now - ACTIVITY_HOURS)
    hours = _events(search.store, begin, now)
    return [Lead(increase_activity.stream_of(hours, begin, rules), case)]


@task
def find_causes(settings: Settings, now: datetime) -> list[Finding]:
    """What binds the runs of each deployment in the last hours, and why nothing else does."""
    search = Search.begin(settings, now)
    rules = search.policy.optimizer
    since = now - timedelta(hours=rules.window_hours)
    # what was at work when the window began took its places
    frame = runs_of(search)
    frame = frame[frame["timestamp"] >= since - HOUR]
    return findings_of(diagnose(frame, now, since, rules), rules)


def _limits_on(frame: pd.DataFrame, flow_runs: tuple[str, ...]) -> list[str]:
    """The tags whose limits govern task runs of these flow runs."""
    mine = pd.Series(flow_runs, dtype="str")
    rows = frame[places_of(frame["parent_process"], mine) >= 0]
    return sorted({key for terms in rows["terms"].unique() for key in limits_of(terms)})


def _beside(search: Search) -> Beside:
    library = Library.load(search.store)

    def left(fingerprint: str) -> str | None:
        if rule_of(search.store, fingerprint) is not None:
            return "it has a rule"
        standing = search.standing("fix_recurring_error", f"pattern:{fingerprint}")
        return standing[1] if standing and standing[0] == "open" else None

    tried = cache(partial(recorded, search.store, library))  # the whole log, once

    def retry(fingerprint: str) -> Record | None:
        return tried().get(fingerprint, {}).get("retry")

    return Beside(library.fingerprint_of, left, retry)


def _events(store: Store, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """Whole hours of the clock, each with the number of its events, as the analysis counts them."""
    first = -(-microseconds(since) // MICROSECONDS) * MICROSECONDS
    last = microseconds(until) // MICROSECONDS * MICROSECONDS
    if first >= last:
        return []
    with store.reading() as connection:
        hours = open_reader(connection, load_rules()).hours(first, last, brief=True)
    return [(hour.start, hour.events) for hour in hours_of(hours, first, last)]
