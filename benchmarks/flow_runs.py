"""What Grace's flow runs cost and how soon an approved change is there: `python -m
benchmarks.flow_runs [ROUNDS] [APPROVALS]`.

A real server and worker of their own. CPU seconds are those of the processes that the worker
started for a run, as the kernel counts them for it; engine and empty flow take turns. *Approval to
applied* is from the answer, given as the UI gives it, until the new value can be read; the peer is
from the answer until an empty flow that was suspended has ended. Exits with 1 where a median is
beyond its bar.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import ClassVar

import httpx

from benchmarks import table
from benchmarks._installed import ENDED, Installed, until
from grace.governance.policy import DEFAULT_GOVERNANCE
from grace.installation import read_installation

PORT = 45600
BAR_CPU_SECONDS, BAR_APPLIED_SECONDS = 2.5, 2.0
EMPTY, WAITING = "empty/measured", "waiting/measured"
ENGINES = (
    "performance-optimizer/sample-every-2-minutes",
    "proactive-improvement/sample-every-5-minutes",
    "autonomous-goal-setting/sample-every-10-minutes",
    "governance/sample-every-2-minutes",
)
# page refreshes in the log before anything is measured
HISTORY = 12
REFRESH = "page-refresh/every-30-seconds"
ANSWER = {"answer": "approve", "reviewer": "operator", "reason": "measured"}
RUN_SECONDS = 300
CLOCK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Idle(Installed):
    """Nothing runs by itself; the worker asks for runs every second."""

    prefect: ClassVar[Mapping[str, str]] = {"PREFECT_WORKER_QUERY_SECONDS": "1"}

    def settle(self) -> None:
        self.deploy(EMPTY, "benchmarks/_idle_flows.py:empty")
        self.deploy(WAITING, "benchmarks/_idle_flows.py:waiting")
        scheduled = [one for one in self.ask("/deployments/filter", {}) if one["schedules"]]
        for one in scheduled:
            self.ask(f"/deployments/{one['id']}/pause_deployment")
        for _ in range(HISTORY):
            self.await_end(self.start(REFRESH), RUN_SECONDS)
        until(lambda: not self._under_way(), "the end of what was under way", RUN_SECONDS)

    def _under_way(self) -> int:
        states = {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}
        return int(self.ask("/flow_runs/count", {"flow_runs": states}))

    @property
    def worker(self) -> int:
        found = read_installation(self.settings)
        if found is None:
            raise RuntimeError("nothing was brought up")
        return found.processes["worker"].pid

    def cpu_seconds(self, deployment: str) -> float:
        """Of the processes of one run, user and system together."""
        before = _of_children(self.worker)
        self.await_end(self.start(deployment), RUN_SECONDS)
        until(lambda: not _children(self.worker), "the end of its process", RUN_SECONDS, 0.1)
        return _of_children(self.worker) - before


def _of_children(pid: int) -> float:
    """CPU seconds of the ended children of a process, and of theirs: proc(5), fields 16 and 17."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / CLOCK


def _children(pid: int) -> list[str]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [child for path in tasks for child in path.read_text().split()]


def engines(system: Idle, rounds: int) -> tuple[list[list[str]], bool]:
    """A row an engine; each run of one stands beside the run of an empty flow before it."""
    rows, holds = [], True
    for name in ENGINES:
        system.cpu_seconds(name)  # the first one of all has the most to do
        pairs = [(system.cpu_seconds(EMPTY), system.cpu_seconds(name)) for _ in range(rounds)]
        above = median(engine - empty for empty, engine in pairs)
        holds = holds and above <= BAR_CPU_SECONDS
        shown = [median(each) for each in zip(*pairs, strict=True)]
        rows.append([name.partition("/")[0], *(f"{figure:.2f}" for figure in (*shown, above))])
    return rows, holds


def answers(system: Idle, rounds: int) -> tuple[list[str], bool]:
    """Seconds from answer to applied, from answer to the end of an empty flow, and between."""
    pairs = [(_empty(system), _applied(system, number)) for number in range(rounds)]
    empty, applied = (median(each) for each in zip(*pairs, strict=True))
    more = applied - empty
    return [f"{applied:.1f}", f"{empty:.1f}", f"{more:.1f}"], more <= BAR_APPLIED_SECONDS


def _empty(system: Idle) -> float:
    run = system.start(WAITING)
    return _answered(system, run, lambda: system.state(run)["type"] in ENDED)


def _applied(system: Idle, number: int) -> float:
    """Each on a variable of its own, for a target rests after a change."""
    name = f"measured_{number}"
    proposed = system.grace(
        "propose", f"variable:{name}", "1", "--metric", "none", "--as", "alice", "--why", "measured"
    )
    shown = system.grace("show", proposed["id"])
    return _answered(system, shown["run_id"], lambda: _is_set(system, name))


def _is_set(system: Idle, name: str) -> bool:
    found = system.ask("/variables/filter", {"variables": {"name": {"any_": [name]}}})
    return bool(found)


def _answered(system: Idle, run: str, done: Callable[[], bool]) -> float:
    """Seconds from the answer until it is so; the worker has let go of the waiting run before."""
    until(lambda: system.state(run)["name"] == "Suspended", "a waiting run", RUN_SECONDS, 0.1)
    until(lambda: not _children(system.worker), "the end of its process", RUN_SECONDS, 0.1)
    until(lambda: _resumed(system, run), "a form", RUN_SECONDS, 0.2)
    begin = time.monotonic()
    until(done, "what was answered", RUN_SECONDS, 0.05)
    return time.monotonic() - begin


def _resumed(system: Idle, run: str) -> bool:
    try:
        answer = system.ask(f"/flow_runs/{run}/resume", {"run_input": ANSWER})
    except httpx.HTTPStatusError:
        return False
    return bool(answer["status"] == "ACCEPT")


@contextmanager
def brought_up() -> Iterator[Idle]:
    governance = DEFAULT_GOVERNANCE.read_text().replace("changes_a_day = 20", "changes_a_day = 999")
    with TemporaryDirectory(prefix="grace-flow-runs-") as folder:
        try:
            yield Idle.up(Path(folder, "data"), PORT, governance)
        finally:
            Idle.of(Path(folder, "data"), PORT).down()


def main(rounds: int, approvals: int) -> int:
    with brought_up() as system:
        system.settle()
        costs, cheap = engines(system, rounds)
        soon, quick = answers(system, approvals)
    heads = ("engine", "CPU s of an empty flow", "CPU s of the engine", "CPU s above (bar 2.5)")
    print(table(heads, costs))
    asked = ("approval to applied, s", "to the end of an empty flow, s", "s more (bar 2)")
    print(f"\n{table(asked, [soon])}")
    return 0 if cheap and quick else 1


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(main(given[0] if given else 7, given[1] if len(given) > 1 else 20))
