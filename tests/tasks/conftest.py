"""A small governed system that ran on the session's Prefect server.

Its flows contend, retry, fail, nest, wait for an answer and are cancelled.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from prefect import flow, get_client, task
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.flow_runs import suspend_flow_run
from prefect.flows import Flow
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)
from prefect.states import Cancelled
from prefect.task_runners import ThreadPoolTaskRunner

from tests.serving import forget_servers

LIMIT, LIMITED_TO = "ingest-test", 1
# eight of `governed`, one each of its subflow, the engine and the sample
TASK_RUNS = 11
FAILURES: Counter[str] = Counter()


@task(tags={LIMIT}, task_run_name="contend-{number}")
def contend(number: int) -> int:
    # on a busy machine the others come to the limit some time after the first
    time.sleep(1.0)
    return number


@task(retries=2, retry_delay_seconds=0.1)
def flaky(times: int) -> None:
    FAILURES[f"of {times}"] += 1
    if FAILURES[f"of {times}"] <= times:
        raise ConnectionError(f"failure {FAILURES[f'of {times}']} of {times}")


@task
def broken() -> None:
    raise ValueError("never good")


@task
def add_up(numbers: list[int]) -> int:
    return sum(numbers)


@flow
def nested() -> int:
    return add_up([1])


@flow(task_runner=ThreadPoolTaskRunner(max_workers=8))
def governed() -> int:
    FAILURES.clear()
    contending = contend.map([1, 2, 3])
    total = add_up.submit(contending)
    flaky(1)
    flaky(9, return_state=True)
    broken(return_state=True)
    nested()
    return total.result()


@flow
def engine() -> int:
    """Of Grace: neither it nor its untagged subflow may count."""
    return nested()


@flow
def waits_for_an_answer() -> int:
    suspend_flow_run(key="answer", timeout=3600)
    return add_up([2])


def deploy(what: Flow, *tags: str, limit: int | None = None) -> str:
    with get_client(sync_client=True) as client:
        made = client.create_deployment(
            client.create_flow(what), name="here", tags=list(tags), concurrency_limit=limit
        )
    return str(made)


def run_once(what: Flow, deployment: str) -> str:
    """Run a deployment in this process, until it ends or suspends; its run id."""
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployment)
        return carry_on(what, str(run.id))


def carry_on(what: Flow, run_id: str) -> str:
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(run_id)
    with suppress(Pause):
        run_flow(what, flow_run=run, return_type="state")
    return run_id


def cancel_before_start(deployment: str) -> str:
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployment)
        client.set_flow_run_state(run.id, Cancelled(), force=True)
    return str(run.id)


def set_tag_limit(slots: int) -> None:
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(f"tag:{LIMIT}", slots)


@dataclass(frozen=True)
class Ran:
    """Ids of the flow runs on the server."""

    governed: str
    subflow: str
    cancelled: str
    suspended: str
    engine: str
    sample: str

    def resume(self) -> None:
        with get_client(sync_client=True) as client:
            client.resume_flow_run(self.suspended)
        carry_on(waits_for_an_answer, self.suspended)


@pytest.fixture(scope="session")
def ran(prefect_server: str) -> Ran:
    """Everything that the system ran, its log lines written and its task runs recorded."""
    logs = {PREFECT_API_URL: prefect_server, PREFECT_LOGGING_TO_API_ENABLED: True}
    with temporary_settings(logs):
        forget_servers()
        made = _run_all()
        forget_servers()
        until(lambda: retry_lines_of(made.governed) == 3 and ended_task_runs(made) == TASK_RUNS)
    return made


def _run_all() -> Ran:
    set_tag_limit(LIMITED_TO)
    plain = deploy(governed, "nightly", limit=3)
    run = run_once(governed, plain)
    return Ran(
        governed=run,
        subflow=only_subflow_of(run),
        cancelled=cancel_before_start(plain),
        suspended=run_once(waits_for_an_answer, deploy(waits_for_an_answer)),
        engine=run_once(engine, deploy(engine, "grace")),
        sample=run_once(nested, deploy(nested, "sample")),
    )


@pytest.fixture
def limit_tag(prefect_api: str) -> Iterator[Callable[[int], None]]:
    """Sets the tag's limit; afterwards it is what it was."""
    yield set_tag_limit
    set_tag_limit(LIMITED_TO)


def only_subflow_of(run_id: str) -> str:
    body = {"flow_runs": {"parent_flow_run_id": {"any_": [run_id]}}}
    with get_client(sync_client=True) as client:
        (found,) = client.request("POST", "/flow_runs/filter", json=body).json()
    return str(found["id"])


def ended_task_runs(of: Ran) -> int:
    """Prefect writes them down some time after they ended, the longer the busier it is."""
    body = {
        "flow_runs": {"id": {"any_": [of.governed, of.subflow, of.engine, of.sample]}},
        "task_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}},
    }
    with get_client(sync_client=True) as client:
        return int(client.request("POST", "/task_runs/count", json=body).json())


def retry_lines_of(run_id: str) -> int:
    body = {"logs": {"flow_run_id": {"any_": [run_id]}}}
    with get_client(sync_client=True) as client:
        lines = client.request("POST", "/logs/filter", json=body).json()
    return sum(" will start " in line["message"] for line in lines)


@pytest.fixture(name="until")
def waiting() -> Callable[[Callable[[], bool]], None]:
    return until


def until(holds: Callable[[], bool]) -> None:
    """Prefect writes task states and log lines behind: wait for them, and no longer."""
    give_up = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < give_up, "Prefect did not write what it ran within 2 minutes"
        time.sleep(0.1)
