"""The parameters that a deployment gives its runs. Target: `parameters:FLOW/DEPLOYMENT`.

The value is the object of those that are set. What a person proposes is merged into them, so that
`{"epochs": 5}` leaves the others as they are; the inverse is the object as it was, without what was
not there before. What somebody else sets meanwhile makes it another object: then nothing is done.
"""

from collections.abc import Mapping
from typing import Literal

from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.responses import DeploymentResponse
from pydantic import JsonValue

from grace.errors import BadInput
from grace.settings import Settings
from tasks.deployment import (
    PLACEHOLDER,
    check_parameters,
    deployment_name,
    find_deployment,
    has_placeholder,
)
from tasks.watched import watched_client

__all__ = ["DeploymentParameters"]


class DeploymentParameters:
    name = "deployment-parameters"
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def read(self, target: str) -> JsonValue:
        """Those that are set; the flow's own defaults are not among them."""
        return _set(self._deployment(target))

    def complete(self, target: str, value: JsonValue) -> JsonValue:
        return {**_set(self._deployment(target)), **_object(value)}

    def check(self, target: str, value: JsonValue) -> None:
        """Against the deployment's schema, where it enforces one; one line says what it refuses."""
        deployment, wanted = self._deployment(target), _object(value)
        if has_placeholder(dict(wanted)):
            raise BadInput(f"{PLACEHOLDER} is filled in when a run starts; write the value itself")
        if has_placeholder(_set(deployment)):
            raise BadInput(
                f"{deployment.name} has a parameter with {PLACEHOLDER}, which Prefect would fill "
                "in for good when any parameter is set"
            )
        check_parameters(deployment_name(target, "parameters"), deployment, wanted)

    def apply(self, target: str, value: JsonValue) -> None:
        """Set exactly this object: what is not in it is not set any more."""
        wanted, name = _object(value), deployment_name(target, "parameters")
        with watched_client(self._settings, writing=True) as client:
            deployment = find_deployment(client, name)
            client.update_deployment(deployment.id, DeploymentUpdate(parameters=dict(wanted)))

    def _deployment(self, target: str) -> DeploymentResponse:
        name = deployment_name(target, "parameters")
        with watched_client(self._settings) as client:
            return find_deployment(client, name)


def _set(deployment: DeploymentResponse) -> dict[str, JsonValue]:
    return dict(deployment.parameters or {})


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise BadInput(f'parameters are written as an object, {{"NAME": VALUE}}, not {value!r}')
    return value
