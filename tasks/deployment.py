"""One deployment of the watched installation: found by its name, its parameters checked."""

from collections.abc import Iterator, Mapping
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from pydantic import JsonValue

from grace.errors import BadInput

__all__ = [
    "PLACEHOLDER",
    "check_parameters",
    "deployment_name",
    "find_deployment",
    "has_placeholder",
]

# what Prefect fills in when a run starts: nobody could approve what it will be then
PLACEHOLDER = "__prefect_kind"


def deployment_name(target: str, kind: str) -> str:
    """FLOW/DEPLOYMENT of a target `kind:FLOW/DEPLOYMENT`; raises BadInput for any other."""
    said, _, name = target.partition(":")
    parts = name.split("/")
    if said != kind or len(parts) != 2 or not all(parts):
        raise BadInput(f"{target!r} names no deployment; write {kind}:FLOW/DEPLOYMENT")
    return name


def find_deployment(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        raise BadInput(f"there is no deployment {name!r}") from None


def check_parameters(
    name: str, deployment: DeploymentResponse, given: Mapping[str, JsonValue]
) -> None:
    """As the server checks them, and unknown names too: those fail only when the run starts."""
    schema: dict[str, Any] = deployment.parameter_openapi_schema or {}
    if not deployment.enforce_parameter_schema or not schema:
        return
    known = schema.get("properties", {})
    if unknown := sorted(given.keys() - known.keys()):
        raise BadInput(f"{name} has no parameter {unknown[0]!r}; it has: {_listed(known)}")
    if errors := _refusals(name, {**(deployment.parameters or {}), **given}, schema):
        path = errors[0].json_path.removeprefix("$.").removeprefix("$") or "its parameters"
        raise BadInput(f"{name} refuses {path}: {' '.join(errors[0].message.split())}")


def _refusals(name: str, given: Mapping[str, JsonValue], schema: dict[str, Any]) -> list[Any]:
    # with these comes the ORM of the server, which a flow run without parameters does not need
    from prefect.utilities.schema_tools import validation

    try:
        return validation.validate(dict(given), schema)
    except (validation.CircularSchemaRefError, validation.ValidationError):
        raise BadInput(
            f"the parameters of {name} cannot be checked: its schema is broken"
        ) from None


def has_placeholder(value: JsonValue) -> bool:
    return any(PLACEHOLDER in each for each in _objects(value))


def _objects(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """Every object within a value, itself included."""
    if isinstance(value, dict):
        yield value
    within = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for each in within:  # type: ignore[union-attr]
            yield from _objects(each)


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)) or "none"
