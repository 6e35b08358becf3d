"""Starting, answering and looking at Prefect runs of Grace's own deployments."""

import time
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import count
from typing import Any, Literal
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_UI_URL
from prefect.states import Cancelled, Scheduled
from pydantic import JsonValue

from grace.errors import BadInput
from grace.settings import Settings
from tasks.prefect_client import prefect_client

__all__ = [
    "Run",
    "answer_run",
    "cancel_run",
    "question_of",
    "read_run",
    "run_link",
    "start_deployed",
    "start_run",
]

FormState = Literal["asking", "mute", "alive", "ended"]
FORM_SECONDS, FEWEST_TRIES = 15.0, 3
# just after a run is suspended its form may not be stored yet; and on SQLite a server that reads
# before it writes meets "database is locked" when somebody else wrote in between
PASSING = ("schema not found", "Error validating state")


@dataclass(frozen=True)
class Run:
    """`stands` says whether the run asks a person now, will go on by itself, or is over, and
    `since` when that is so; one that is `mute` waits for an answer and has no form to give it in.
    """

    id: str
    state: str
    stands: FormState
    since: datetime | None = None


def start_run(
    settings: Settings,
    flow: str,
    when: str,
    parameters: dict[str, JsonValue],
    *,
    key: str,
    name: str,
    at: datetime | None = None,
) -> str:
    """Have a worker run `flow/when` of this log; the same `key` again is the same run.

    The run belongs to no other: a subflow could not be suspended.
    """
    deployment = f"{flow}/{when}" if settings.log == "main" else f"{flow}/{settings.log}-{when}"
    return start_deployed(deployment, parameters, key=key, name=name, at=at)


def start_deployed(
    deployment: str,
    parameters: dict[str, JsonValue],
    *,
    key: str,
    name: str,
    at: datetime | None = None,
) -> str:
    """The same for a deployment by its whole name."""
    with prefect_client() as client:
        try:
            found = client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            raise BadInput(f"Prefect has no deployment {deployment}; run `grace up`") from None
        run = client.create_flow_run_from_deployment(
            found.id,
            parameters=parameters,
            idempotency_key=key,
            name=name,
            state=Scheduled(scheduled_time=at) if at else None,
        )
    return str(run.id)


def read_run(run_id: str) -> Run | None:
    """None where Prefect no longer knows the run."""
    with prefect_client() as client:
        try:
            state = client.read_flow_run(UUID(run_id)).state
        except ObjectNotFound:
            return None
        if state is None:
            return Run(run_id, "Unknown", "alive")
        stands: FormState = "ended" if state.is_final() or state.is_cancelling() else "alive"
        if state.is_paused():
            stands = "asking" if _has_form(client, run_id, state) else "mute"
    return Run(run_id, state.name or "", stands, state.timestamp)


def question_of(run_id: str) -> str:
    """Which question a run asks now, as `answer-2` where the first answer was none.

    Raises BadInput where it asks none.
    """
    give_up = time.monotonic() + FORM_SECONDS
    while True:
        with prefect_client() as client:
            state = client.read_flow_run(UUID(run_id)).state
        if state is not None and state.is_paused() and state.state_details.pause_key:
            return state.state_details.pause_key
        if time.monotonic() > give_up or (state is not None and state.is_final()):
            raise BadInput("its run does not ask now; try again in a minute")
        time.sleep(0.5)


def answer_run(run_id: str, answer: dict[str, JsonValue], signed_in: str | None = None) -> None:
    """Resume a suspended run with a person's answer.

    `signed_in` is `NAME:PASSWORD` of the person, where the server asks people to sign in. Raises
    BadInput where the form refuses the answer, or where the run does not wait for one.
    """
    give_up = time.monotonic() + FORM_SECONDS
    for tries in count(1):
        with prefect_client(signed_in) as client:
            taken = client.resume_flow_run(UUID(run_id), run_input=answer)
        if taken.status == SetStateStatus.ACCEPT:
            return
        reason = str(getattr(taken.details, "reason", ""))
        passing = any(words in reason for words in PASSING) or _is_alive(run_id)
        # a busy server may take longer than that over a single answer
        if not passing or (tries >= FEWEST_TRIES and time.monotonic() > give_up):
            raise BadInput(f"Prefect did not take the answer: {reason or taken.status.value}")
        time.sleep(0.5)


def cancel_run(run_id: str, reason: str) -> None:
    """Cancel a run that waits; one that is over stays as it is."""
    with prefect_client() as client:
        try:
            client.set_flow_run_state(UUID(run_id), Cancelled(message=reason))
        except ObjectNotFound:
            return


def run_link(run_id: str) -> str:
    """The page of a run in the Prefect UI, at `PREFECT_UI_URL` where people reach it otherwise."""
    with prefect_client() as client:
        here = str(client.api_url).rstrip("/").removesuffix("/api")
    base = (PREFECT_UI_URL.value() or here).rstrip("/")
    return f"{base}/runs/flow-run/{run_id}"


def _has_form(client: SyncPrefectClient, run_id: str, state: State[Any]) -> bool:
    """Prefect stores it a moment after the state, and not at all where the run died in between."""
    keys = state.state_details.run_input_keyset
    if keys is None:
        return False
    try:
        client.read_flow_run_input(UUID(run_id), keys["schema"])
    except PrefectHTTPStatusError as problem:
        if problem.response.status_code != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


def _is_alive(run_id: str) -> bool:
    run = read_run(run_id)
    return run is not None and run.stands == "alive"
