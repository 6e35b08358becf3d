"""What an installation finds when it comes back.

Runs left Running by a power cut: their process is gone, and nobody else will end them. And runs
that schedules asked for meanwhile: an hour of them at once would keep the machine busy for long.
"""

import socket
from collections.abc import Iterable
from datetime import datetime

from grace.installation.prefect_api import PrefectApi, RunningRun, ScheduledRun
from grace.installation.processes import birth, environment
from grace.installation.services import POOL

__all__ = ["crash_dead_runs", "drop_missed_runs", "is_dead_here"]


def is_dead_here(run: RunningRun, hostname: str) -> bool:
    """Whether the run's process belongs to this machine and does not live any more.

    Where no machine is noted, the runs of Grace's own pool are this one's. A run without a noted
    process, of another machine or of another pool, is not judged.
    """
    host, _, pid = (run.place or "").rpartition(":")
    here = host == hostname or (not host and run.pool == POOL)
    return here and pid.isdigit() and not _executes(int(pid), run)


def _executes(pid: int, run: RunningRun) -> bool:
    """A pid may be somebody else's by now: the environment says for which run it was started."""
    if not birth(pid):
        return False
    variables = environment(pid)
    return not variables or f"PREFECT__FLOW_RUN_ID={run.id}" in variables


def crash_dead_runs(api: PrefectApi) -> list[RunningRun]:
    """Sets every run whose process is dead to Crashed, past the rules that would refuse it."""
    dead = [run for run in api.running_runs() if is_dead_here(run, socket.gethostname())]
    _crash(api, dead)
    return dead


def drop_missed_runs(api: PrefectApi, now: datetime) -> int:
    """Deletes the overdue runs of each deployment but the newest, which makes up for them all."""
    made_up_for: set[str] = set()
    missed: list[ScheduledRun] = []
    for run in api.overdue_runs(now):
        if run.deployment_id in made_up_for:
            missed.append(run)
        made_up_for.add(run.deployment_id)
    for run in missed:
        api.delete_run(run.id)
    return len(missed)


def _crash(api: PrefectApi, runs: Iterable[RunningRun]) -> None:
    for run in runs:
        api.crash(run.id, "its process had died when `grace up` looked")
