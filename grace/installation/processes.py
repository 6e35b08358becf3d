"""Processes that outlive the command that starts them, and are known again later.

A process is its pid *and* the moment it was born, so that a pid given to somebody else is never
taken for ours, and never killed.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

__all__ = ["Process", "birth", "is_alive", "spawn", "stop", "stop_all"]

_POLL_SECONDS = 0.05


class Process(BaseModel):
    model_config = ConfigDict(frozen=True)

    pid: int
    born: str
    log: Path


def birth(pid: int) -> str | None:
    """When the process with this pid was started, or None if it is not running.

    On Linux ticks since boot, field 22 of proc(5); elsewhere the start time that ps(1) tells.
    """
    if Path("/proc/self/stat").exists():
        return _birth_in_proc(pid)
    asked = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return None if not answer or answer.startswith("Z") else answer.split(maxsplit=1)[1]


def _birth_in_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the command name, field 2, may hold blanks and parentheses: count from behind it
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def is_alive(process: Process) -> bool:
    return birth(process.pid) == process.born


def spawn(command: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path) -> Process:
    """Starts a command in a session of its own; what it prints is appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_default_interrupt,
        )
    # it is over when the command returns, and the process stays: it has no one to wait for it
    child.returncode = 0
    return Process(pid=child.pid, born=birth(child.pid) or "never", log=log)


def _default_interrupt() -> None:
    """A background job inherits an ignored SIGINT, and Prefect's worker stops itself by SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def stop(process: Process, patience_seconds: float = 15) -> bool:
    """Ends one process: SIGTERM, then SIGKILL to its session. False if it was gone already."""
    if not is_alive(process):
        return False
    _signal(process, signal.SIGTERM)
    if not _gone_within(process, patience_seconds):
        os.killpg(process.pid, signal.SIGKILL)
        _gone_within(process, patience_seconds)
    return True


def stop_all(processes: Sequence[Process], patience_seconds: float = 15) -> list[Process]:
    """Ends them in the order given, each before the next; those that were alive are returned."""
    return [process for process in processes if stop(process, patience_seconds)]


def _signal(process: Process, number: signal.Signals) -> None:
    if is_alive(process):
        os.kill(process.pid, number)


def _gone_within(process: Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() > deadline:
            return False
        _reap(process.pid)
        time.sleep(_POLL_SECONDS)
    return True


def _reap(pid: int) -> None:
    """Lets go of a dead child, if it is ours: otherwise it belongs to init."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
