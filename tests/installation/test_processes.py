"""Processes are known again by pid and birth, and ended without ever ending another."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grace.installation.processes import (
    Process,
    birth,
    environment,
    is_alive,
    marked,
    spawn,
    stop,
)

SLEEP = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print(child.pid, flush=True); time.sleep(600)"
)
Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts Python code as a process; what still lives afterwards is ended."""
    started: list[Process] = []

    def start(code: str, **variables: str) -> Process:
        command = [sys.executable, "-c", code]
        log = tmp_path / "logs" / f"{len(started)}.log"
        started.append(spawn(command, os.environ | variables, log, tmp_path))
        return started[-1]

    yield start
    stop(*started, patience_seconds=0)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def test_a_spawned_process_lives_on_by_itself_and_its_output_is_kept(start: Start) -> None:
    process = start("print('at work', flush=True);" + SLEEP)
    assert process.log is not None
    until(lambda: "at work" in process.log.read_text())
    assert is_alive(process)
    assert os.getsid(process.pid) == process.pid, "in no session but its own"


def test_output_of_the_next_start_is_appended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for word in ("first", "second"):
        one = spawn([sys.executable, "-c", f"print('{word}')"], os.environ, log, tmp_path)
        until(lambda process=one: not is_alive(process))
    assert log.read_text() == "first\nsecond\n"


def test_a_stopped_process_is_gone_and_stopping_it_again_says_so(start: Start) -> None:
    process = start(SLEEP)
    assert stop(process)
    assert birth(process.pid) is None
    assert not stop(process)


def test_a_pid_that_somebody_else_has_by_now_is_neither_ours_nor_killed(start: Start) -> None:
    somebody = start(SLEEP)
    ours_once = Process(pid=somebody.pid, born="1", log=somebody.log)
    assert not is_alive(ours_once)
    assert not stop(ours_once)
    assert is_alive(somebody)


def test_who_ignores_sigterm_is_killed_with_its_children(start: Start) -> None:
    process = start(STUBBORN)
    assert process.log is not None
    until(lambda: process.log.read_text().endswith("\n"))
    child = int(process.log.read_text())
    assert stop(process, patience_seconds=0.3)
    until(lambda: birth(child) is None)


def test_several_are_stopped_at_once_and_share_one_patience(start: Start) -> None:
    several = [start(STUBBORN) for _ in range(3)]
    for process in several:
        until(lambda log=process.log: log and log.read_text().endswith("\n"))
    began = time.monotonic()
    stop(*several, patience_seconds=8)
    assert not any(map(is_alive, several))
    assert time.monotonic() - began < 22, "three patiences would take 24 seconds"


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert birth(child.pid) is None
    child.wait()


def test_sigint_works_in_the_child_of_a_shell_that_ignores_it(start: Start) -> None:
    """Prefect's worker ends itself by SIGINT; a background job inherits it ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = start(SLEEP)
    finally:
        signal.signal(signal.SIGINT, before)
    os.kill(process.pid, signal.SIGINT)
    until(lambda: not is_alive(process))


def test_a_command_name_with_blanks_and_parentheses_does_not_hide_the_birth(
    tmp_path: Path, start: Start
) -> None:
    odd = tmp_path / "a) Z 1 (b"
    odd.symlink_to("/bin/sleep")
    process = spawn([str(odd), "600"], os.environ, tmp_path / "log", tmp_path)
    try:
        until(lambda: "a) Z 1" in Path(f"/proc/{process.pid}/comm").read_text())
        assert is_alive(process)
        assert int(process.born) >= int(birth(os.getpid()) or 0), "born after this test's process"
    finally:
        stop(process)


def test_processes_are_found_by_the_variable_they_were_started_with(start: Start) -> None:
    one, other = start(SLEEP, GRACE_COLOUR="red"), start(SLEEP, GRACE_COLOUR="reddish")
    for process in (one, other):
        until(lambda pid=process.pid: environment(pid))
    found = [(process.pid, process.born) for process in marked("GRACE_COLOUR=red")]
    assert found == [(one.pid, one.born)]


def test_whose_environment_cannot_be_read_has_none() -> None:
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    assert environment(gone.pid) == []
