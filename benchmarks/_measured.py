"""What a piece of work takes, in a process of its own: wall time, CPU time, memory.

The work's own processes count too, each with what it needs beyond its imports.
"""

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

__all__ = ["Measured", "children", "measured", "peak_mebibytes", "print_measured", "run_measured"]

EVERY_SECONDS = 0.02


@dataclass(frozen=True)
class Measured:
    """`mebibytes` is the peak above what there was when it began, its processes' included."""

    seconds: float
    cpu_seconds: float
    mebibytes: float


def run_measured(module: str, *arguments: str) -> Measured:
    """What `print_measured` prints in a new process."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Measured(**json.loads(done.stdout))


def print_measured(work: Callable[[], object], idle_mebibytes: float = 0.0) -> None:
    print(json.dumps(asdict(measured(work, idle_mebibytes))))


def measured(work: Callable[[], object], idle_mebibytes: float = 0.0) -> Measured:
    """`idle_mebibytes` is what each process that the work starts has once it is ready."""
    before = peak_mebibytes(os.getpid())
    with _Watching() as watching:
        begin, cpu = perf_counter(), _cpu_seconds()
        work()
        seconds, spent = perf_counter() - begin, _cpu_seconds() - cpu
    own = peak_mebibytes(os.getpid()) - before
    others = sum(max(0.0, peak - idle_mebibytes) for peak in watching.peaks.values())
    return Measured(seconds, spent, own + others)


def peak_mebibytes(pid: int) -> float:
    """Of this program alone: what `getrusage` says may be that of the program that started it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def children() -> list[int]:
    """The processes that this one started and that are there yet, by their ids."""
    found: list[int] = []
    for each in Path("/proc/self/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found.extend(map(int, each.read_text().split()))
    return found


def _cpu_seconds() -> float:
    """Of this process, and of those it started that have ended."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(one)[:2]) for one in whose)


class _Watching:
    """The peaks of the processes that are started meanwhile, by their ids."""

    def __init__(self) -> None:
        self.peaks: dict[int, float] = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "_Watching":
        self.thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.ended.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.ended.wait(EVERY_SECONDS):
            for pid in children():
                with suppress(FileNotFoundError, ProcessLookupError, StopIteration):
                    self.peaks[pid] = peak_mebibytes(pid)
