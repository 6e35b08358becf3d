"""Processes that outlive the command that starts them, and are known again later.

A process is its pid *and* the moment it was born, so that a pid given to somebody else is never
taken for ours, and never killed.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

__all__ = ["Process", "birth", "environment", "is_alive", "marked", "spawn", "stop"]

_POLL_SECONDS = 0.05


class Process(BaseModel):
    model_config = ConfigDict(frozen=True)

    pid: int
    born: str
    log: Path | None = None


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


def environment(pid: int) -> list[str]:
    """The variables a process was started with, as NAME=value; none where proc(5) is not, or
    the process is gone or somebody else's."""
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


def marked(variable: str) -> list[Process]:
    """All living processes but this one that were started with the variable NAME=value."""
    pids = {int(entry.name) for entry in Path("/proc").glob("[0-9]*")} - {os.getpid()}
    ours = [(pid, birth(pid)) for pid in sorted(pids) if variable in environment(pid)]
    return [Process(pid=pid, born=born) for pid, born in ours if born]


def stop(*processes: Process, patience_seconds: float = 15) -> bool:
    """Ends them together: SIGTERM, then SIGKILL with their groups. False if all were gone."""
    alive = [process for process in processes if is_alive(process)]
    for process in alive:
        _send(process, os.kill, signal.SIGTERM)
    for process in _left_after(alive, patience_seconds):
        _send(process, _kill_group, signal.SIGKILL)
    _left_after(alive, patience_seconds)
    return bool(alive)


def _send(process: Process, kill: Callable[[int, int], None], number: signal.Signals) -> None:
    if is_alive(process):
        with suppress(ProcessLookupError):
            kill(process.pid, number)


def _kill_group(pid: int, number: int) -> None:
    leads = os.getpgid(pid) == pid
    (os.killpg if leads else os.kill)(pid, number)


def _left_after(processes: Sequence[Process], seconds: float) -> list[Process]:
    """Those that live on when the time is over; returns as soon as there are none."""
    deadline = time.monotonic() + seconds
    while left := [process for process in processes if is_alive(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    for process in processes:
        _reap(process.pid)
    return left


def _reap(pid: int) -> None:
    """Lets go of a dead child, if it is ours: otherwise it belongs to init."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
