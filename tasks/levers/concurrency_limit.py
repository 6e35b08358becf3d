"""The concurrency limits of a Prefect server as one lever: of a tag, a deployment, or global.

A target is written `tag:NAME`, `deployment:FLOW/NAME` or `global:NAME`. In Prefect 3.8 a tag's
limit is a global limit named `tag:NAME`; a deployment's belongs to the deployment.
"""

from typing import Literal

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    DeploymentUpdate,
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
)
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from pydantic import JsonValue

from grace.errors import BadInput
from grace.settings import Settings
from tasks.watched import watched_client

__all__ = ["UNLIMITED", "ConcurrencyLimit"]

# Taking a limit away while a run holds a slot leaves that run Running for ever: the inverse of
# *add a limit* is therefore a limit that nobody meets.
UNLIMITED = 10_000


class ConcurrencyLimit:
    name = "concurrency-limit"
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def read(self, target: str) -> JsonValue:
        """The limit in force, or None where there is none."""
        kind, name = _parse(target)
        with watched_client(self._settings) as client:
            if kind == "deployment":
                return _deployment_limit(client, name)
            try:
                found = client.read_global_concurrency_limit_by_name(_limit_name(kind, name))
            except ObjectNotFound:
                return None
            return found.limit if found.active else None

    def check(self, target: str, value: JsonValue) -> None:
        _parse(target)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadInput(f"a concurrency limit is a whole number from 1 on, not {value!r}")

    def apply(self, target: str, value: JsonValue) -> None:
        """Set the limit; None sets one that nobody meets."""
        kind, name = _parse(target)
        limit = UNLIMITED if value is None else value
        self.check(target, limit)
        assert isinstance(limit, int)
        with watched_client(self._settings, writing=True) as client:
            if kind == "deployment":
                deployment = _deployment(client, name)
                client.update_deployment(deployment.id, DeploymentUpdate(concurrency_limit=limit))
            else:
                _set_global(client, _limit_name(kind, name), limit)


def _parse(target: str) -> tuple[str, str]:
    kind, _, name = target.partition(":")
    if kind not in ("tag", "deployment", "global") or not name:
        raise BadInput(
            f"{target!r} is no concurrency limit; write tag:NAME, deployment:FLOW/NAME "
            "or global:NAME"
        )
    if kind == "deployment" and "/" not in name:
        raise BadInput(f"{target!r} names no deployment; write deployment:FLOW/NAME")
    return kind, name


def _limit_name(kind: str, name: str) -> str:
    return f"tag:{name}" if kind == "tag" else name


def _deployment(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        raise BadInput(f"there is no deployment {name!r}") from None


def _deployment_limit(client: SyncPrefectClient, name: str) -> int | None:
    limit = _deployment(client, name).global_concurrency_limit
    return None if limit is None else int(limit.limit)


def _set_global(client: SyncPrefectClient, name: str, limit: int) -> None:
    try:
        client.update_global_concurrency_limit(
            name, GlobalConcurrencyLimitUpdate(limit=limit, active=True)
        )
    except ObjectNotFound:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=limit))
