"""Processes that do a job each at a time beside this one; run as a module, this is one of them.

What a job needs is in it, and so a process imports little and starts soon: nothing here but the
standard library. It begins nothing by itself, and ends with the pipe that its jobs come by.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from grace.errors import GraceError, Unreachable

__all__ = ["Job", "Submit", "processes"]

MOST = 2  # each needs some 50 MiB beside its imports


class Job(Protocol):
    """What can be pickled; it may raise GraceError and OSError, which are raised here again."""

    def run(self) -> Any: ...


Submit = Callable[[Job], "Future[Any]"]


@contextmanager
def processes(most: int = MOST) -> Iterator[Submit]:
    """What has jobs done, started as they are needed; Unreachable where one of them was killed."""
    started: list[_Process] = []
    idle: SimpleQueue[_Process] = SimpleQueue()

    def run(job: Job) -> Any:
        try:
            process = idle.get_nowait()
        except Empty:
            process = _Process()
            started.append(process)
        answer = process.run(job)
        idle.put(process)
        return answer

    threads = ThreadPoolExecutor(min(most, os.cpu_count() or 1))
    try:
        yield lambda job: threads.submit(run, job)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for process in started:
            process.child.kill()
        threads.shutdown()
        for process in started:
            process.child.kill()
            process.child.communicate()


class _Process:
    def __init__(self) -> None:
        command = [sys.executable, "-P", "-m", "grace.jobs"]
        pipe = subprocess.PIPE
        self.child = subprocess.Popen(command, stdin=pipe, stdout=pipe)

    def run(self, job: Job) -> Any:
        assert self.child.stdin
        assert self.child.stdout
        try:
            pickle.dump(job, self.child.stdin)
            self.child.stdin.flush()
            answer = pickle.load(self.child.stdout)
        except (EOFError, BrokenPipeError) as problem:
            raise Unreachable(
                f"a process that helps to read the log ended (exit code {self.child.wait()}) "
                "before it was done: is there memory left? Then try again"
            ) from problem
        if isinstance(answer, Exception):
            raise answer
        return answer


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks
    answers = sys.stdout.buffer
    with suppress(EOFError, BrokenPipeError):
        while True:
            job = pickle.load(sys.stdin.buffer)
            pickle.dump(_answer(job), answers)
            answers.flush()


def _answer(job: Job) -> Any:
    try:
        return job.run()
    except (GraceError, OSError) as problem:
        return problem


if __name__ == "__main__":
    _serve()
