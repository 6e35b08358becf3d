"""A run is dead when its process on this machine is gone or executes something else."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from grace.installation.prefect_api import RunningRun
from grace.installation.processes import environment
from grace.installation.reaping import is_dead_here

HERE = socket.gethostname()
RUN = "0198f2b2-0000-7000-8000-000000000001"


def run_at(place: str | None, pool: str | None = "grace") -> RunningRun:
    since = datetime(2026, 6, 1, tzinfo=UTC)
    return RunningRun(id=RUN, name="quiet-owl", pool=pool, place=place, since=since)


@pytest.fixture
def executing() -> Iterator[int]:
    """The pid of a process that a worker would have started for the run."""
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"],
        env=os.environ | {"PREFECT__FLOW_RUN_ID": RUN},
        stdin=subprocess.PIPE,
    )
    while RUN not in str(environment(process.pid)):  # until then it is still a copy of this one
        pass
    yield process.pid
    process.kill()
    process.communicate()


@pytest.fixture
def gone() -> int:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


def test_a_run_whose_process_is_gone_is_dead(gone: int) -> None:
    assert is_dead_here(run_at(f"{gone}"), HERE)
    assert is_dead_here(run_at(f"{HERE}:{gone}", pool="another"), HERE)


def test_a_run_whose_process_lives_is_not(executing: int) -> None:
    assert not is_dead_here(run_at(f"{executing}"), HERE)
    assert not is_dead_here(run_at(f"{HERE}:{executing}"), HERE)


def test_a_run_whose_pid_went_to_another_process_is_dead(executing: int) -> None:
    other = replace(run_at(f"{executing}"), id=RUN.replace("1", "2"))
    assert is_dead_here(other, HERE)


@pytest.mark.parametrize("place", [None, "", HERE, f"{HERE}:", f"{HERE}:not-a-number"])
def test_a_run_without_a_noted_process_is_not_judged(place: str | None) -> None:
    assert not is_dead_here(run_at(place), HERE)


def test_a_run_of_another_machine_or_pool_is_not_judged(gone: int) -> None:
    assert not is_dead_here(run_at(f"another-{HERE}:{gone}"), HERE)
    assert not is_dead_here(run_at(f"{gone}", pool="another"), HERE)
    assert not is_dead_here(run_at(f"{gone}", pool=None), HERE)
