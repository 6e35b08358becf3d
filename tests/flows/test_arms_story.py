"""A rule on trial, on real flow runs alone: they fail, half of them are retried, and it is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from prefect import flow, task
from prefect.runtime import flow_run, task_run

from grace import assign
from grace.governance.register import list_entries
from grace.measurement.looks import last_look
from grace.notary.verify import verify
from grace.patterns.rules import Rule, rule_of
from grace.prefect import retry_by_rule
from grace.store.read import newest
from tasks.ingest_prefect import SETTLE, read_history
from tests.desk import run_deployed
from tests.serving import serving_prefect


@pytest.fixture(scope="module")
def prefect_server(tmp_path_factory) -> Iterator[str]:
    """One of its own: all that runs on it is this test's."""
    with serving_prefect(tmp_path_factory.mktemp("prefect-server")) as url:
        yield url


@task(retries=2, retry_condition_fn=retry_by_rule)
def fetch() -> None:
    if task_run.run_count == 1:
        raise RuntimeError("HTTP 503 for page 7")


@flow
def sync() -> tuple[str, str]:
    """Its id and how its task ended; it fails with its task."""
    state = fetch(return_state=True)
    ENDS[str(flow_run.id)] = state.name
    return state


ENDS: dict[str, str] = {}


@pytest.mark.slow
def test_half_of_the_failing_runs_are_retried_until_the_rule_is_kept_for_all(desk) -> None:
    desk.set_policy(least_block_seconds=1)
    run_and_read(desk, 8)
    assert run_deployed("proactive-improvement/hourly").is_completed()
    (entry,) = list_entries(desk.store)
    assert entry.proposal.plan.design == "arms"
    desk.carry_on(entry)
    desk.answer(entry)
    for _ in range(30):
        assert run_deployed("measurement/on-block", {"proposal_id": entry.id}).is_completed()
        if desk.entry(entry).state != "measuring":
            break
        run_and_read(desk, 15)
    ended = desk.entry(entry)
    assert (ended.state, ended.verdict) == ("kept", "improved")
    fingerprint = entry.proposal.change.target.partition(":")[2]
    assert rule_of(desk.store, fingerprint) == Rule.model_validate(entry.proposal.change.after)
    _check_what_was_compared(desk, ended)
    assert verify(desk.settings, desk.store).ok


def run_and_read(desk, times: int) -> None:
    """Reading stops ten seconds before the moment it is told."""
    for _ in range(times):
        sync(return_state=True)
    read_history(desk.settings, datetime.now(UTC) + SETTLE, lambda _: None)


def _check_what_was_compared(desk, ended) -> None:
    """What the log says of the arms is how the runs themselves ended, by their arms."""
    seen = last_look(desk.store, ended.id, ended.proposal.plan)
    assert (seen.control.mean, seen.treatment.mean) == (1.0, 0.0)
    assert min(seen.control.n, seen.treatment.n) >= 30
    trial = ended.proposal.plan.trial
    (split,) = [
        row
        for row in newest(desk.store, "actions").to_dict("records")
        if row["purpose"] == "arms" and row["status"] == "done"
    ]
    since = split["finished_at"].timestamp() + trial.settle_seconds
    runs = newest(desk.store, "parallel_process_logs", process_type="flow_run")
    after = {
        str(row.process_id): assign(trial.id, str(row.process_id))
        for row in runs.itertuples()
        if since <= row.queued_at.timestamp()
        and row.completed_at.timestamp() <= seen.at.timestamp()
    }
    assert len(after) >= seen.control.n + seen.treatment.n
    assert {(arm, ENDS[run]) for run, arm in after.items()} == {
        ("before", "Failed"),
        ("after", "Completed"),
    }
