"""Where Prefect keeps the five kinds of concurrency limit, and how each is read, set, taken away.

A tag's limit is the global limit named `tag:NAME` (Prefect 3.8), a deployment's one that belongs to
it; the runs that hold their slots must give them back. Work pools and work queues count the runs
under way instead, so that their limit can be taken away at any time.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    DeploymentUpdate,
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolUpdate,
)
from prefect.client.schemas.objects import WorkPool, WorkQueue
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect.exceptions import ObjectNotFound

from grace.errors import BadInput
from tasks.deployment import find_deployment

__all__ = ["UNLIMITED", "Left", "Limit", "limit_at"]

# Taking a limit away while a run holds a slot leaves that run Running for ever: the inverse of
# *add a limit* is therefore a limit that nobody meets, until nothing holds a slot.
UNLIMITED = 10_000

Named = GlobalConcurrencyLimitResponse

# gone: no limit stands for none there, or it was taken away before; held: a run has a slot
Left: TypeAlias = Literal["removed", "gone", "held"]


class Limit(Protocol):
    """One limit; each raises BadInput where what it limits does not exist."""

    def read(self, client: SyncPrefectClient) -> int | None: ...

    def set(self, client: SyncPrefectClient, limit: int | None) -> None:
        """None is no limit."""

    def remove_if_idle(self, client: SyncPrefectClient) -> Left:
        """Take a limit that stands for none away, if nothing holds a slot."""


@dataclass(frozen=True)
class _Global:
    name: str

    def read(self, client: SyncPrefectClient) -> int | None:
        return _in_force(self._find(client))

    def set(self, client: SyncPrefectClient, limit: int | None) -> None:
        found, wanted = self._find(client), UNLIMITED if limit is None else limit
        if found is not None:
            client.update_global_concurrency_limit(
                self.name, GlobalConcurrencyLimitUpdate(limit=wanted, active=True)
            )
        elif limit is not None:
            client.create_global_concurrency_limit(
                GlobalConcurrencyLimitCreate(name=self.name, limit=limit)
            )

    def remove_if_idle(self, client: SyncPrefectClient) -> Left:
        left = _close(client, self._find(client))
        if left == "removed":
            client.delete_global_concurrency_limit_by_name(self.name)
        return left

    def _find(self, client: SyncPrefectClient) -> Named | None:
        try:
            return client.read_global_concurrency_limit_by_name(self.name)
        except ObjectNotFound:
            return None


@dataclass(frozen=True)
class _OfDeployment:
    name: str

    def read(self, client: SyncPrefectClient) -> int | None:
        return _in_force(find_deployment(client, self.name).global_concurrency_limit)

    def set(self, client: SyncPrefectClient, limit: int | None) -> None:
        deployment = find_deployment(client, self.name)
        found, wanted = deployment.global_concurrency_limit, UNLIMITED if limit is None else limit
        if found is not None or limit is not None:
            client.update_deployment(deployment.id, DeploymentUpdate(concurrency_limit=wanted))
        if found is not None and not found.active:
            _switch(client, found, active=True)

    def remove_if_idle(self, client: SyncPrefectClient) -> Left:
        deployment = find_deployment(client, self.name)
        left = _close(client, deployment.global_concurrency_limit)
        if left == "removed":
            client.update_deployment(deployment.id, DeploymentUpdate(concurrency_limit=None))
        return left


@dataclass(frozen=True)
class _OfPool:
    name: str

    def read(self, client: SyncPrefectClient) -> int | None:
        return self._find(client).concurrency_limit

    def set(self, client: SyncPrefectClient, limit: int | None) -> None:
        self._find(client)
        client.update_work_pool(self.name, WorkPoolUpdate(concurrency_limit=limit))

    def remove_if_idle(self, client: SyncPrefectClient) -> Left:
        return "gone"

    def _find(self, client: SyncPrefectClient) -> WorkPool:
        try:
            return client.read_work_pool(self.name)
        except ObjectNotFound:
            raise BadInput(f"there is no work pool {self.name!r}") from None


@dataclass(frozen=True)
class _OfQueue:
    pool: str
    name: str

    def read(self, client: SyncPrefectClient) -> int | None:
        return self._find(client).concurrency_limit

    def set(self, client: SyncPrefectClient, limit: int | None) -> None:
        client.update_work_queue(self._find(client).id, concurrency_limit=limit)

    def remove_if_idle(self, client: SyncPrefectClient) -> Left:
        return "gone"

    def _find(self, client: SyncPrefectClient) -> WorkQueue:
        try:
            return client.read_work_queue_by_name(self.name, self.pool)
        except ObjectNotFound:
            raise BadInput(f"there is no work queue {self.pool}/{self.name}") from None


def limit_at(target: str) -> Limit:
    """The limit that a target names; raises BadInput where it names none."""
    kind, _, name = target.partition(":")
    parts = name.split("/")
    named = all(parts)
    if kind in ("tag", "global") and name:
        return _Global(f"tag:{name}" if kind == "tag" else name)
    if kind == "deployment" and len(parts) == 2 and named:
        return _OfDeployment(name)
    if kind == "work-pool" and len(parts) == 1 and named:
        return _OfPool(name)
    if kind == "work-queue" and len(parts) == 2 and named:
        return _OfQueue(*parts)
    raise BadInput(
        f"{target!r} is no concurrency limit; write tag:NAME, global:NAME, deployment:FLOW/NAME, "
        "work-pool:NAME or work-queue:POOL/NAME"
    )


def _in_force(found: Named | None) -> int | None:
    if found is None or not found.active or found.limit == UNLIMITED:
        return None
    return int(found.limit)


def _close(client: SyncPrefectClient, found: Named | None) -> Left:
    """Switch it off if it stands for no limit and nothing holds a slot: then it can be removed.

    A limit that is off gives no slot away, so that no run can take one before it is gone.
    """
    if found is None or found.limit != UNLIMITED:
        return "gone"
    if found.active_slots:
        return "held"
    _switch(client, found, active=False)
    if client.read_global_concurrency_limit_by_name(found.name).active_slots:
        _switch(client, found, active=True)
        return "held"
    return "removed"


def _switch(client: SyncPrefectClient, found: Named, *, active: bool) -> None:
    client.update_global_concurrency_limit(found.name, GlobalConcurrencyLimitUpdate(active=active))
