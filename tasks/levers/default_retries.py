"""How often a deployment's tasks are retried that say nothing of it. Target: `retries:FLOW/NAME`.

Set without touching code, by two variables of the environment in which its runs start. The value is
a whole number; with a delay between the tries `{"retries": 2, "delay_seconds": 10}`; None where
neither variable is set. Other variables and other job variables stay as they are.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.responses import DeploymentResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from grace.errors import BadInput
from grace.settings import Settings
from tasks.deployment import deployment_name, find_deployment
from tasks.watched import watched_client

__all__ = ["DefaultRetries"]

# https://docs.prefect.io/v3/api-ref/settings-ref, tasks.default_retries and the one after it
RETRIES = "PREFECT_TASKS_DEFAULT_RETRIES"
DELAY = "PREFECT_TASKS_DEFAULT_RETRY_DELAY_SECONDS"
DAY_SECONDS = 24 * 3600


class _Retries(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    retries: Annotated[int, Field(ge=0, le=10)]
    delay_seconds: Annotated[float | int, Field(ge=0, le=DAY_SECONDS, allow_inf_nan=False)]


class DefaultRetries:
    name = "default-retries"
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def read(self, target: str) -> JsonValue:
        """What is set for the deployment itself; its pool or its code may say more."""
        env = _env(self._deployment(target))
        retries, delay = (_number(env.get(name)) for name in (RETRIES, DELAY))
        return retries if DELAY not in env else {"retries": retries, "delay_seconds": delay}

    def complete(self, target: str, value: JsonValue) -> JsonValue:
        """A number alone leaves the delay as it is."""
        present = self.read(target)
        if isinstance(present, dict) and not isinstance(value, dict):
            return {**present, "retries": value}
        return value

    def check(self, target: str, value: JsonValue) -> None:
        given = value if isinstance(value, dict) else {"retries": value, "delay_seconds": 0}
        try:
            _Retries.model_validate(given)
        except ValidationError as problem:
            error = problem.errors()[0]
            where = ".".join(str(part) for part in error["loc"][:1])
            raise BadInput(
                "default retries are a whole number from 0 to 10, or "
                f'{{"retries": 2, "delay_seconds": 10}}, not {value!r}: {where}: {error["msg"]}'
            ) from None
        _env(self._deployment(target))

    def apply(self, target: str, value: JsonValue) -> None:
        """Set the variables; what the value leaves out is taken away, None both."""
        name = deployment_name(target, "retries")
        given = value if isinstance(value, dict) else {"retries": value}
        wanted = {RETRIES: given.get("retries"), DELAY: given.get("delay_seconds")}
        with watched_client(self._settings, writing=True) as client:
            deployment = find_deployment(client, name)
            job_variables = _with_env(deployment, wanted)
            client.update_deployment(deployment.id, DeploymentUpdate(job_variables=job_variables))

    def _deployment(self, target: str) -> DeploymentResponse:
        name = deployment_name(target, "retries")
        with watched_client(self._settings) as client:
            return find_deployment(client, name)


def _env(deployment: DeploymentResponse) -> dict[str, JsonValue]:
    env = (deployment.job_variables or {}).get("env") or {}
    if not isinstance(env, dict):
        raise BadInput(f"the job variable env of {deployment.name} is no object of variables")
    return dict(env)


def _with_env(
    deployment: DeploymentResponse, wanted: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """All job variables, which Prefect replaces whole; a variable that is None is taken away."""
    env = {key: each for key, each in _env(deployment).items() if key not in wanted}
    env |= {key: _text(each) for key, each in wanted.items() if each is not None}
    others = {key: each for key, each in (deployment.job_variables or {}).items() if key != "env"}
    return {**others, "env": env} if env else others


def _number(text: JsonValue) -> JsonValue:
    """The number that a variable holds, if its text is how that number is written here."""
    for kind in (int, float):
        try:
            if _text(number := kind(str(text))) == text and math.isfinite(number):
                return number
        except (ValueError, OverflowError):
            continue
    return text


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else str(value)
