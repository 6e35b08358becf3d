"""What an installation finds when it comes back.

Runs left Running by a power cut: their process is gone, and nobody else will end them. Some lose
it only later: where the server alone had died, a run that could not report to it ends by itself,
and nobody was there to be told. And runs that schedules asked for meanwhile: an hour of them at
once would keep the machine busy for long.
"""

import socket
from collections.abc import Iterable
from datetime import datetime, timedelta

from grace.installation import state
from grace.installation.people import service_credential
from grace.installation.prefect_api import PrefectApi, RunningRun, ScheduledRun, connected
from grace.installation.processes import birth, environment
from grace.installation.services import POOL
from grace.settings import Settings

__all__ = ["crash_dead_runs", "crash_lost_runs", "drop_missed_runs", "is_dead_here"]

# a run that goes on after an answer has its former process noted until the worker notes the new one
PATIENCE = timedelta(minutes=2)


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
    _crash(api, dead, "its process had died when `grace up` looked")
    return dead


def crash_lost_runs(settings: Settings, now: datetime) -> list[RunningRun]:
    """The same while the system runs, also of runs that died as they started.

    Left alone are runs whose state is newer than two minutes, all where nothing was brought up on
    this machine, and all where Grace's pool has a second worker: a bare pid names no machine.

    Raises:
        Unreachable: the server does not answer.
    """
    if (running := state.read(settings)) is None:
        return []
    with connected(running.api_url, service_credential(settings)) as api:
        started = api.running_runs(also_starting=True) if api.workers(POOL) <= 1 else []
        old = (run for run in started if now - run.since > PATIENCE)
        lost = [run for run in old if is_dead_here(run, socket.gethostname())]
        _crash(api, lost, "its process had died")
    return lost


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


def _crash(api: PrefectApi, runs: Iterable[RunningRun], why: str) -> None:
    for run in runs:
        api.crash(run.id, why)
