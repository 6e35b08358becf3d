"""Prefect's workers in `shard_logs`: a row each, revised when its state changes, or hourly.

The worker of Grace's own work pool is logged like any other: it starts governed runs too. How
many runs a worker did stands on `parallel_process_logs.worker_name`, not here.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

__all__ = ["Worker", "worker_row"]


class Worker(BaseModel):
    """As Prefect answers it, with the name of its pool. ONLINE is what heartbeats lately."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    name: str
    pool: str
    status: str
    created: datetime
    last_heartbeat_time: datetime | None = None
    heartbeat_interval_seconds: int | None = None


def worker_row(worker: Worker) -> dict[str, object]:
    """A worker that came back under its name is the same row; one deleted in between is not."""
    seen = worker.last_heartbeat_time or worker.created
    offline = worker.status != "ONLINE"
    # the last heartbeat of a worker that is gone is a fact, that of a living one moves on
    at = seen if offline else seen.replace(minute=0, second=0, microsecond=0)
    return {
        "log_id": f"{worker.pool}/{worker.name}:{worker.id}",
        "shard_id": worker.name,
        "shard_type": "prefect worker",
        "domain": worker.pool,
        "worker_id": worker.id,
        "status": worker.status,
        "started_at": worker.created,
        "completed_at": seen if offline else None,
        "result_data": {"heartbeat_interval_seconds": worker.heartbeat_interval_seconds},
        "timestamp": at,
    }
