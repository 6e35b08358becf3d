"""Processes that write sealed parts, two at a time; run as a module, this is one of them.

A process of its own reads by `grace.export.columnar`, which may not share one with the log's other
connections, and so many rows are read on two cores. It begins nothing itself: what it wrote is a
draft until this side takes it, and it ends with the pipe that its jobs come by.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

from grace.errors import GraceError, Unreachable
from grace.export.part_writing import PartJob, Written, write_part

__all__ = ["part_processes"]

MOST = 2  # each has some 60 MiB for itself
Write = Callable[[Iterable[PartJob]], Iterator[Written]]


@contextmanager
def part_processes() -> Iterator[Write]:
    """What writes parts, in the order of the jobs; processes are started as they are needed.

    It raises what a process could not do: LedgerBroken, OSError; Unreachable where one was killed.
    """
    started: list[_Process] = []
    idle: SimpleQueue[_Process] = SimpleQueue()

    def write(job: PartJob) -> Written:
        try:
            process = idle.get_nowait()
        except Empty:
            process = _Process()
            started.append(process)
        written = process.write(job)
        idle.put(process)
        return written

    threads = ThreadPoolExecutor(min(MOST, os.cpu_count() or 1))
    try:
        yield lambda jobs: threads.map(write, jobs)
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
        command = [sys.executable, "-P", "-m", "grace.export.part_processes"]
        pipe = subprocess.PIPE
        self.child = subprocess.Popen(command, stdin=pipe, stdout=pipe)

    def write(self, job: PartJob) -> Written:
        assert self.child.stdin
        assert self.child.stdout
        try:
            pickle.dump(job, self.child.stdin)
            self.child.stdin.flush()
            answer = pickle.load(self.child.stdout)
        except (EOFError, BrokenPipeError) as problem:
            raise Unreachable(
                f"the process that reads the log ended (exit code {self.child.wait()}) before it "
                "was done: is there memory left? Then try again"
            ) from problem
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Written)
        return answer


def _serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks
    answers = sys.stdout.buffer
    with suppress(EOFError, BrokenPipeError):
        while True:
            job = pickle.load(sys.stdin.buffer)
            pickle.dump(_answer(job), answers)
            answers.flush()


def _answer(job: PartJob) -> Written | Exception:
    try:
        return write_part(job, job.read())
    except (GraceError, OSError) as problem:
        return problem


if __name__ == "__main__":
    _serve()
