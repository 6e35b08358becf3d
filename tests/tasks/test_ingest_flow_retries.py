"""Retries of flow runs on a real Prefect server, as healing attempts."""

import json
import threading
from contextvars import copy_context
from datetime import UTC, datetime

import pandas as pd
import pytest
from prefect import flow, get_client
from prefect.flow_runs import pause_flow_run
from prefect.runtime import flow_run

from grace.settings import Settings
from grace.store import open_store
from grace.store.read import newest
from tasks.ingest_prefect import SETTLE, ingest_prefect_runs

pytestmark = pytest.mark.usefixtures("prefect_api")


@flow(retries=2, retry_delay_seconds=0)
def heals() -> None:
    if flow_run.run_count == 1:
        raise ConnectionError("no route")


@flow(retries=1, retry_delay_seconds=0)
def never_heals() -> None:
    raise ValueError(f"attempt {flow_run.run_count}")


@flow(retries=1)
def pauses() -> None:
    resumed = threading.Thread(target=copy_context().run, args=(_resume, flow_run.id))
    resumed.start()
    pause_flow_run(timeout=60, poll_interval=1, key="answer")
    resumed.join()


def _resume(run_id: str) -> None:
    with get_client(sync_client=True) as client:
        for _ in range(600):
            if client.read_flow_run(run_id).state.is_paused():
                client.resume_flow_run(run_id)
                return
            threading.Event().wait(0.1)


def retries(settings: Settings, run_id: object) -> pd.DataFrame:
    ingest_prefect_runs.fn(settings, datetime.now(UTC) + SETTLE)
    found = newest(open_store(settings.url), "healing_attempts")
    mine = [json.loads(one)["flow_run"] == str(run_id) for one in found["metadata"]]
    return found.loc[pd.array(mine, dtype="boolean")].sort_values("attempt_id")


def test_a_flow_run_that_healed_at_its_second_attempt(settings: Settings) -> None:
    run_id = heals(return_state=True).state_details.flow_run_id
    (row,) = retries(settings, run_id).itertuples()
    assert row.attempt_id == f"{run_id}:2"
    assert "no route" in row.error_message
    assert (row.error_type, row.success, row.status) == ("ConnectionError", True, "Completed")
    assert row.attempted_at <= row.applied_at <= row.verified_at
    (again,) = retries(settings, run_id).itertuples()
    assert again.revision == row.revision


def test_a_flow_run_that_failed_again_tells_both_errors(settings: Settings) -> None:
    run_id = never_heals(return_state=True).state_details.flow_run_id
    (row,) = retries(settings, run_id).itertuples()
    assert "attempt 1" in row.error_message
    assert "attempt 2" in row.failure_reason
    assert (row.error_type, row.success) == ("ValueError", False)


def test_a_flow_run_that_paused_and_went_on_was_not_retried(settings: Settings) -> None:
    state = pauses(return_state=True)
    assert state.is_completed()
    assert retries(settings, state.state_details.flow_run_id).empty
