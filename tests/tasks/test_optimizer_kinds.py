"""What the optimizer finds beside waits: runs that take long, tasks that fail, and silence.

The rows are logged as any system would log them; deployments, limits, schedules and retries that
are proposed to change are those of a real Prefect server.
"""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import IntervalSchedule

from grace.governance.asking import submit
from grace.governance.register import list_entries
from grace.levers import find_lever
from grace.opportunities.queueing import replay
from grace.patterns.learning import learn
from grace.patterns.library import Library
from grace.patterns.rules import Rule, set_rule
from grace.settings import Settings
from grace.store import Store
from tasks.levers.concurrency_limit import ConcurrencyLimit
from tasks.opportunities import find_waits, follow_leads
from tasks.performance import find_failing_tasks, find_low_activity, find_slow_runs

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
RUNS = "parallel_process_logs"


class Desk:
    """Real levers; what is submitted waits for a person."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store

    def lever(self, name: str):
        return find_lever(name, self.settings)

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(1)

    def submit(self, proposal, policy):
        return submit(self.store, proposal, policy, NOW)


def cycle(settings: Settings, store: Store, search):
    """The one finding of a search, and the proposal that it led to."""
    (found,) = follow_leads.fn(settings, NOW, search.fn(settings, NOW), Desk(settings, store))
    entries = list_entries(store)
    return found, entries[-1].proposal if entries else None


def deploy(*tags: str, every: int | None = None) -> str:
    name = f"kind-{uuid4().hex[:8]}"

    @flow(name=name)
    def nothing() -> None:
        return

    schedules = []
    if every:
        schedule = IntervalSchedule(interval=timedelta(seconds=every), anchor_date=NOW)
        schedules = [DeploymentScheduleCreate(schedule=schedule, active=True)]
    with get_client(sync_client=True) as client:
        client.create_deployment(
            client.create_flow(nothing), name="often", tags=list(tags), schedules=schedules
        )
    return f"{name}/often"


def row(name, run, begin, held, *, parent=None, wait=0.0, limits=None, error=None, tags=()):
    started = begin + timedelta(seconds=wait)
    payload = {"limits": limits or {}, "tags": list(tags)}
    return {
        "process_id": run,
        "process_type": "task_run" if parent else "flow_run",
        "task_name": name,
        "parent_process": parent,
        "task_payload": payload if parent else payload | {"deployment": name},
        "status": "Failed" if error else "Completed",
        "queued_at": begin,
        "started_at": started,
        "completed_at": started + timedelta(seconds=held),
        "wait_time_seconds": wait,
        "execution_time_seconds": held,
        "success": error is None,
        "error": error,
        "timestamp": started + timedelta(seconds=held),
    }


def log(store: Store, rows) -> None:
    with store.writing(NOW) as writer:
        writer.append(RUNS, list(rows), source="governed")


def pages(deployment: str, target: str | None, slots: int, runs: int = 40):
    """Twenty pages of 1 s in each run, so many at a time."""
    waits = replay(np.zeros(20), np.ones(20), slots)
    for number in range(runs):
        begin, run = NOW - timedelta(minutes=runs - number), f"run-{number}"
        yield row(deployment, run, begin, float(waits.max() + 1))
        for page, wait in enumerate(waits):
            queued, left = (begin, float(wait)) if target else (begin + timedelta(0, wait), 0.0)
            limits = {target: slots} if target else None
            name = f"{run}-{page}"
            yield row("fetch", name, queued, 1.0, parent=run, wait=left, limits=limits)


@pytest.fixture
def tag(prefect_api) -> str:
    target = f"tag:pages-{uuid4().hex[:8]}"
    ConcurrencyLimit().apply(target, 2)
    return target


def test_the_limit_that_governs_the_slowest_tasks_is_proposed(settings, store, tag) -> None:
    """Twenty pages of 1 s take 10 s by twos; 3 s take rounds of seven."""
    deployment = deploy()
    log(store, pages(deployment, tag, 2))
    found, proposal = cycle(settings, store, find_slow_runs)
    assert found.standing == "proposed"
    assert (proposal.kind, proposal.change.target) == ("reduce_execution_time", tag)
    assert (proposal.change.before, proposal.change.after) == (2, 7)
    assert proposal.prediction.now == pytest.approx(10, abs=0.1)
    assert proposal.prediction.then == pytest.approx(3, abs=0.1)
    assert proposal.plan.subject == f"deployment:{deployment}"
    assert proposal.plan.metric == "mean execution time"
    assert "fetch 800 s in 800 runs of 1.0 s" in proposal.evidence.facts["slowest tasks"]
    assert any(told.startswith("fetch is at work") for told in proposal.evidence.ruled_out)


def test_slow_tasks_that_no_limit_holds_back_are_reported(settings, store, prefect_api) -> None:
    log(store, pages(deploy(), None, 1))
    found, proposal = cycle(settings, store, find_slow_runs)
    assert (found.standing, proposal) == ("held back", None)
    assert "no limit makes its tasks wait" in found.reason
    assert "fetch 800 s in 800 runs" in found.reason


def test_a_run_that_failed_took_no_time_that_counts(settings, store, prefect_api) -> None:
    """It did not get there: forty of 9 s and forty that failed at once are 9 s on average."""
    deployment = deploy()
    rows = [row(deployment, f"good-{at}", NOW - timedelta(minutes=at), 9.0) for at in range(1, 41)]
    rows += [
        row(deployment, f"bad-{at}", NOW - timedelta(minutes=at), 0.1, error="ValueError: no")
        for at in range(1, 41)
    ]
    log(store, rows)
    found, _ = cycle(settings, store, find_slow_runs)
    assert found.mean == pytest.approx(9)
    assert "no task runs" in found.reason


def test_a_limit_already_asked_about_for_its_waits_is_not_asked_about_twice(
    settings, store, tag
) -> None:
    log(store, pages(deploy(), tag, 2))
    leads = [*find_waits.fn(settings, NOW), *find_slow_runs.fn(settings, NOW)]
    waits, slow = follow_leads.fn(settings, NOW, leads, Desk(settings, store))
    assert (waits.standing, slow.standing) == ("proposed", "open")
    assert len(list_entries(store)) == 1


def failing(deployment: str, errors: list[str], runs: int = 60):
    """Two tasks a run; in every third run one fails."""
    for number in range(runs):
        begin, run = NOW - timedelta(minutes=runs - number), f"run-{number}"
        error = errors[number % len(errors)] if number % 3 == 0 else None
        yield row(deployment, run, begin, 2.0)
        yield row("read", f"{run}-a", begin, 1.0, parent=run, error=error)
        yield row("write", f"{run}-b", begin, 1.0, parent=run)


def test_failures_that_pass_by_themselves_are_retried_by_default(
    settings, store, prefect_api
) -> None:
    deployment = deploy()
    log(store, failing(deployment, ["ConnectionError: reset by peer"]))
    found, proposal = cycle(settings, store, find_failing_tasks)
    assert found.standing == "proposed"
    assert found.mean == pytest.approx(5 / 6, abs=0.05)
    assert proposal.change.target == f"retries:{deployment}"
    assert (proposal.change.before, proposal.change.after) == (
        None,
        {"retries": 2, "delay_seconds": 10},
    )
    assert proposal.plan.subject == f"deployment:{deployment}"
    assert proposal.plan.metric == "task success rate"


def test_failures_of_the_code_need_a_person(settings, store, prefect_api) -> None:
    log(store, failing(deploy(), ["ValueError: 'x' is no number"]))
    found, proposal = cycle(settings, store, find_failing_tasks)
    assert (found.standing, proposal) == ("held back", None)
    assert "do not pass by themselves" in found.reason


def test_a_pattern_with_a_rule_is_left_to_it(settings, store, prefect_api) -> None:
    error = "ConnectionError: reset by peer"
    log(store, failing(deploy(), [error]))
    learn(settings, store, NOW)
    fingerprint = Library.load(store).fingerprint_of(error)
    set_rule(store, fingerprint, Rule(fix="retry", retries=2), NOW)
    found, proposal = cycle(settings, store, find_failing_tasks)
    assert (found.standing, proposal) == ("held back", None)
    assert "left to fix_recurring_error: it has a rule" in found.reason


def silent(name: str, hours: int = 60, tags: tuple[str, ...] = ()):
    """Three runs an hour."""
    for number in range(3 * hours):
        begin = NOW - timedelta(minutes=20 * (3 * hours - number))
        yield row(name, f"run-{number}", begin, 1.0, tags=tags)


def test_a_deployment_that_monitors_is_run_more_often(settings, store, prefect_api) -> None:
    """Three of the wanted twenty an hour: every 20 minutes becomes every 3."""
    deployment = deploy("monitoring", every=1200)
    log(store, silent(deployment, tags=("monitoring",)))
    found, proposal = cycle(settings, store, find_low_activity)
    assert found.standing == "proposed"
    assert proposal.change.target == f"schedule:{deployment}#1"
    assert proposal.change.before["interval_seconds"] == 1200
    assert proposal.change.after["interval_seconds"] == 180
    assert proposal.change.after["anchor"] == proposal.change.before["anchor"]


def test_silence_without_a_monitor_is_only_reported(settings, store, prefect_api) -> None:
    log(store, silent(deploy(every=1200)))
    found, proposal = cycle(settings, store, find_low_activity)
    assert (found.standing, proposal) == ("held back", None)
    assert found.reason.startswith("3.0 events an hour, where 20 are wanted; no deployment tagged")


def test_grace_s_own_pool_is_never_proposed(settings, store, prefect_api) -> None:
    limit, name = "work-pool:grace", deploy()
    waits = replay(np.zeros(4), np.full(4, 20.0), 1)
    log(
        store,
        (
            row(name, f"r-{at}-{wait}", NOW - timedelta(minutes=at), 20.0, wait=wait)
            | {"task_payload": {"limits": {limit: 1}, "deployment": name}}
            for at in range(80, 5, -2)
            for wait in map(float, waits)
        ),
    )
    found, proposal = cycle(settings, store, find_waits)
    assert (found.standing, proposal) == ("held back", None)
    assert (
        found.reason == f"{limit} is where Grace runs itself, and it never proposes to change that"
    )
