"""One run of a Prefect deployment, started once and never taken back.

A target is written `run:FLOW/DEPLOYMENT`, a value `{"key": …, "parameters": {…}}`. The key tells a
run from every other of its deployment, so that setting the same value again starts nothing. What is
read is the value of the newest run that was started so, however it stands or ended.

Prefect keeps an idempotency key for a flow, not for a deployment, and answers a used one with the
old run, whatever the parameters; and a run's parameters are those of the deployment and its own
together. So the key that Prefect sees names the deployment, and a label keeps the value as it was.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from operator import itemgetter
from typing import Annotated, Literal

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterIdempotencyKey,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from pydantic import BaseModel, ConfigDict, JsonValue, StringConstraints, ValidationError

from grace.errors import BadInput
from grace.settings import Settings
from tasks.deployment import PLACEHOLDER, check_parameters, find_deployment, has_placeholder
from tasks.watched import watched_client

__all__ = ["LABEL", "TAG", "RunDeployment", "Started"]

# not the tag `grace`: the run belongs to the governed system, and counts there
TAG = "started-by-grace"
LABEL = "grace.value"
PAGE = 200  # the most that Prefect gives at once

_Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    key: _Key
    parameters: dict[str, JsonValue]


@dataclass(frozen=True)
class Started:
    """A run that this lever started; `ended_at` is None until it is over."""

    value: JsonValue
    state: str
    ended_at: datetime | None


class RunDeployment:
    name = "run-deployment"
    reach: Literal["unit", "shared"] = "shared"
    reversible = False

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def read(self, target: str) -> JsonValue:
        """The value of the newest run started so, or None where there was none."""
        last = self.last_run(target)
        return last.value if last else None

    def last_run(self, target: str) -> Started | None:
        """The newest run that this lever started; what people or schedules start is none."""
        name = _parse(target)
        with watched_client(self._settings) as client:
            return _newest(client, find_deployment(client, name))

    def check(self, target: str, value: JsonValue) -> None:
        """Raises BadInput also for a key that was used: it would start nothing."""
        name, order = _parse(target), _order(value)
        with watched_client(self._settings) as client:
            deployment = find_deployment(client, name)
            check_parameters(name, deployment, order.parameters)
            used = _by_key(client, name, order.key)
            last = _newest(client, deployment) if used else None
        if used and (last is None or last.value != value or _value(used) != value):
            raise _used(name, order.key)

    def apply(self, target: str, value: JsonValue) -> None:
        """Start the run, unless it was started already."""
        self.check(target, value)
        name, order = _parse(target), _order(value)
        with watched_client(self._settings, writing=True) as client:
            deployment = find_deployment(client, name)
            run = client.create_flow_run_from_deployment(
                deployment.id,
                parameters=order.parameters,
                idempotency_key=_full_key(name, order.key),
                name=f"{deployment.name} {order.key}",
                tags=[TAG],
                labels={LABEL: json.dumps(value, allow_nan=False, sort_keys=True)},
            )
        if run.deployment_id != deployment.id or _value(run) != value:
            raise _used(name, order.key)


def _parse(target: str) -> str:
    kind, _, name = target.partition(":")
    parts = name.split("/")
    if kind != "run" or len(parts) != 2 or not all(parts):
        raise BadInput(f"{target!r} names no deployment to run; write run:FLOW/DEPLOYMENT")
    return name


def _order(value: JsonValue) -> _Order:
    if value is None:
        raise BadInput("a run that was started cannot be taken back; null would do that")
    try:
        order = _Order.model_validate(value)
    except ValidationError as problem:
        error = problem.errors()[0]
        where = ".".join(str(part) for part in error["loc"]) or "the value"
        raise BadInput(
            f'a run is ordered by {{"key": "NAME", "parameters": {{…}}}}: {where}: {error["msg"]}'
        ) from None
    if has_placeholder(order.parameters):
        raise BadInput(f"{PLACEHOLDER} is filled in when the run starts; write the value itself")
    return order


def _newest(client: SyncPrefectClient, deployment: DeploymentResponse) -> Started | None:
    """All of them are read: Prefect sorts by no time that a later state cannot move."""
    runs = [
        (run.created, run)
        for run in _tagged(client, deployment)
        if LABEL in run.labels and run.created
    ]
    return _started(max(runs, key=itemgetter(0))[1]) if runs else None


def _tagged(client: SyncPrefectClient, deployment: DeploymentResponse) -> Iterator[FlowRun]:
    of = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    tagged = FlowRunFilter(tags=FlowRunFilterTags(all_=[TAG]))
    for offset in count(0, PAGE):
        runs = client.read_flow_runs(
            deployment_filter=of,
            flow_run_filter=tagged,
            sort=FlowRunSort.ID_DESC,
            limit=PAGE,
            offset=offset,
        )
        yield from runs
        if len(runs) < PAGE:
            return


def _by_key(client: SyncPrefectClient, name: str, key: str) -> FlowRun | None:
    wanted = FlowRunFilterIdempotencyKey(any_=[_full_key(name, key)])
    runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(idempotency_key=wanted), limit=1)
    return runs[0] if runs else None


def _full_key(name: str, key: str) -> str:
    return f"grace:{name}:{key}"


def _started(run: FlowRun) -> Started:
    state = run.state
    if state is None or not state.is_final():
        return Started(_value(run), run.state_name or "Unknown", None)
    ended = run.end_time or state.timestamp
    # Prefect's own kind of time cannot be reckoned with everywhere
    return Started(_value(run), state.name or "", datetime.fromisoformat(ended.isoformat()))


def _value(run: FlowRun) -> JsonValue:
    value: JsonValue = json.loads(str(run.labels.get(LABEL, "null")))
    return value


def _used(name: str, key: str) -> BadInput:
    return BadInput(f"{key!r} was the key of an earlier run of {name}; take another key")
