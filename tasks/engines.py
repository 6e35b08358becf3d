"""When Grace's own deployments ran last and run next, as Prefect tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort

from grace.installation.deployments import LOG_TAG, SAMPLE_TAG
from grace.settings import Settings
from tasks.prefect_client import prefect_client
from tasks.rhythm import Schedule, cycle_of, next_of

__all__ = ["Engine", "read_engines"]

ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]


@dataclass(frozen=True)
class Engine:
    """`running` says that its schedule is on; hours are None for one that has none.

    Of several schedules the most frequent one counts, of those that are on where any is. `next_run`
    is what Prefect has scheduled, else what the schedule says.
    """

    name: str
    running: bool
    cycle_interval_hours: float | None
    last_run: datetime | None
    last_state: str | None
    next_run: datetime | None


def read_engines(settings: Settings, now: datetime | None = None) -> list[Engine]:
    """The deployments of this log, by name."""
    now = now or datetime.now(UTC)
    wanted = DeploymentFilter(tags=DeploymentFilterTags(all_=["grace"]))
    with prefect_client() as client:
        found = client.read_deployments(deployment_filter=wanted)
        flows = {flow.id: flow.name for flow in client.read_flows()}
        engines = [
            _engine(client, deployment, f"{flows[deployment.flow_id]}/{deployment.name}", now)
            for deployment in found
            if _log_of(deployment.tags) == settings.log
        ]
    return sorted(engines, key=lambda engine: engine.name)


def _log_of(tags: Sequence[str]) -> str:
    named = (tag.removeprefix(LOG_TAG) for tag in tags if tag.startswith(LOG_TAG))
    return next(named, SAMPLE_TAG if SAMPLE_TAG in tags else "main")


def _engine(
    client: SyncPrefectClient, deployment: DeploymentResponse, name: str, now: datetime
) -> Engine:
    kept = [
        (each.schedule, each.active)
        for each in deployment.schedules
        if isinstance(each.schedule, Schedule)
    ]
    active = [schedule for schedule, is_active in kept if is_active]
    running = bool(active) and not deployment.paused
    known = active or [schedule for schedule, _ in kept]
    cycles = [cycle for each in known if (cycle := cycle_of(each, now)) is not None]
    last = _newest(client, deployment, ENDED, FlowRunSort.END_TIME_DESC)
    ahead = _newest(client, deployment, [StateType.SCHEDULED], FlowRunSort.EXPECTED_START_TIME_ASC)
    return Engine(
        name=name,
        running=running,
        cycle_interval_hours=min(cycles).total_seconds() / 3600 if cycles else None,
        last_run=last.end_time if last else None,
        last_state=last.state_name if last else None,
        next_run=ahead.expected_start_time if ahead else next_of(active, now) if running else None,
    )


def _newest(
    client: SyncPrefectClient,
    deployment: DeploymentResponse,
    types: list[StateType],
    sort: FlowRunSort,
) -> FlowRun | None:
    runs = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types))
        ),
        sort=sort,
        limit=1,
    )
    return runs[0] if runs else None
