"""A governed system of somebody else, run once on the server of `PREFECT_API_URL`.

`python -m tests.watched.system` runs it in a process of its own: Prefect's clients of events and
log lines belong to a process, and would tell the server that the tests' own runs talk to. Its flows
contend, retry, fail, nest and wait for people; some are crashed, cancelled or late, and two are
each a Grace's.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from prefect import flow, get_client, task
from prefect.events.actions import DoNothing, PauseWorkPool
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.flow_runs import suspend_flow_run
from prefect.flows import Flow
from prefect.states import Cancelled, Crashed, Paused, Pending, Running, Scheduled
from prefect.task_runners import ThreadPoolTaskRunner

__all__ = ["LIMITED_TO", "TAG", "TARGET"]

TAG, LIMITED_TO = "warehouse", 1
TARGET = f"tag:{TAG}"
SECRET_OF_A_VARIABLE = "a word that only they use"
FAILURES: Counter[str] = Counter()


@task(tags={TAG}, task_run_name="load-{number}")
def load(number: int) -> int:
    time.sleep(1.0)
    return number


@task(retries=2, retry_delay_seconds=0.1)
def fetch(times: int) -> None:
    FAILURES[f"of {times}"] += 1
    if FAILURES[f"of {times}"] <= times:
        raise ConnectionError(f"failure {FAILURES[f'of {times}']} of {times}")


@task
def check() -> None:
    raise ValueError("a column is missing")


@task
def add_up(numbers: list[int]) -> int:
    return sum(numbers)


@flow
def summary() -> int:
    return add_up([1])


@flow(task_runner=ThreadPoolTaskRunner(max_workers=8))
def load_warehouse() -> int:
    total = add_up.submit(load.map([1, 2, 3, 4, 5]))
    fetch(1)
    fetch(9, return_state=True)
    check(return_state=True)
    summary()
    return total.result()


@flow(retries=1)
def publish() -> None:
    FAILURES["publish"] += 1
    if FAILURES["publish"] == 1:
        raise TimeoutError("the site does not answer")


@flow
def sign_off() -> None:
    suspend_flow_run(key="answer", timeout=7 * 24 * 3600)


@flow
def engine() -> int:
    """Of a Grace that lives on that server: neither it nor its untagged subflow may count."""
    return summary()


def run_everything() -> None:
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(TARGET, LIMITED_TO)
        body = {"name": "their-setting", "value": SECRET_OF_A_VARIABLE}
        client.request("POST", "/variables/", json=body)
        # by itself, for the client's own call asks a registry for a template of the job
        client.request("POST", "/work_pools/", json={"name": "theirs", "type": "process"})
        told = {"name": "their worker", "heartbeat_interval_seconds": 3600}
        client.request("POST", "/work_pools/theirs/workers/heartbeat", json=told)
    nightly = deploy(load_warehouse, "nightly", limit=3)
    ran = [(load_warehouse, nightly)]
    ran += [(publish, deploy(publish, "hourly")), (sign_off, deploy(sign_off, "monthly"))]
    for other in ("prod", "other"):
        ran.append((engine, deploy(engine, f"{other}-hourly", "grace", f"log:{other}")))
    with ThreadPoolExecutor() as together:
        done = [together.submit(run_once, *each) for each in ran]
        done.append(together.submit(fire_an_automation))
    for each in done:
        each.result()
    leave(nightly, Cancelled(), started=False)
    leave(nightly, Cancelled(), started=True)
    leave(nightly, Crashed(message="the machine is gone"), started=True)
    leave(nightly, Paused(timeout_seconds=7 * 24 * 3600), started=True)
    late(nightly)
    # written behind, too, and by another service than events are
    until(lambda: not unfinished_task_runs())


def deploy(what: Flow, name: str, *tags: str, limit: int | None = None) -> UUID:
    with get_client(sync_client=True) as client:
        made = client.create_flow(what)
        return client.create_deployment(made, name=name, tags=list(tags), concurrency_limit=limit)


def run_once(what: Flow, deployment: UUID) -> None:
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployment)
    with suppress(Pause):
        run_flow(what, flow_run=run, return_type="state")


def leave(deployment: UUID, state: object, *, started: bool) -> None:
    """A flow run in this state, without any process."""
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployment)
        for each in [*([Pending(), Running()] if started else []), state]:
            client.set_flow_run_state(run.id, each, force=True)


def late(deployment: UUID) -> None:
    """Its event is the last one that the server writes, some seconds behind."""
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(
            deployment, state=Scheduled(scheduled_time=an_hour_ago)
        )
    until(lambda: told(f"prefect.flow-run.{run.id}", "prefect.flow-run.Late") == 1)


def fire_an_automation() -> None:
    """Prefect sometimes never loads the trigger of a new automation (3.8.8): then make it anew."""
    for _ in range(12):
        for resource in fire():
            if any(outcomes(resource) == 2 or time.sleep(0.2) for _ in range(100)):
                return
    raise AssertionError("no automation fires")


def fire() -> Iterator[str]:
    kind = f"loaded.{uuid4().hex}"
    trigger = EventTrigger(expect={kind}, posture=Posture.Reactive, threshold=1)
    actions = [DoNothing(), PauseWorkPool(work_pool_id=uuid4())]
    made = AutomationCore(name="after loading", trigger=trigger, actions=actions)
    event = {"id": str(uuid4()), "event": kind, "occurred": datetime.now(UTC).isoformat()}
    event |= {"resource": {"prefect.resource.id": "warehouse"}}
    with get_client(sync_client=True) as client:
        answer = client.request("POST", "/automations/", json=made.model_dump(mode="json"))
        number = answer.json()["id"]
        client.request("POST", "/events", json=[event])
        yield f"prefect.automation.{number}"
        client.request("DELETE", f"/automations/{number}")


def unfinished_task_runs() -> int:
    wanted = {"task_runs": {"end_time": {"is_null_": True}}}
    with get_client(sync_client=True) as client:
        return int(client.request("POST", "/task_runs/count", json=wanted).json())


def outcomes(resource: str) -> int:
    kinds = (f"prefect.automation.action.{kind}" for kind in ("executed", "failed"))
    return told(resource, *kinds)


def told(resource: str, *kinds: str) -> int:
    """How many events of these kinds the server has written."""
    wanted = {"resource": {"id": [resource]}, "event": {"name": kinds}}
    with get_client(sync_client=True) as client:
        answer = client.request("POST", "/events/filter", json={"filter": wanted}).json()
    return int(answer["total"])


def until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < give_up, "Prefect did not do it within 2 minutes"
        time.sleep(0.1)


if __name__ == "__main__":
    run_everything()
