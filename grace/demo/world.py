"""The simulated system at work: an event at a time, on a clock that only moves when told to."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from grace.demo.pool import Pool
from grace.demo.runs import Attempt, FlowRun, TaskRun, draw_flow_run
from grace.demo.system import SHOP, Job, System
from grace.patterns.rules import Rule

__all__ = ["Ended", "World"]

RETRIES = 3  # those that the tasks' own code allows; a rule says how many of them are used
RETRY_SECONDS = 10.0
CLOSING_SECONDS = 0.5  # from the end of the last task run to that of its flow run

RuleFor = Callable[[str, str], Rule | None]


@dataclass
class Ended:
    """What came about since the last time: flow runs that began, and whatever ended."""

    begun: list[FlowRun] = field(default_factory=list)
    flow_runs: list[FlowRun] = field(default_factory=list)
    task_runs: list[TaskRun] = field(default_factory=list)


class World:
    """`rule_for` is asked what to do about an error when a task run meets it: by the error's text
    and the id of the flow run.

    The same seed draws the same work and the same troubles, whatever is set.
    """

    def __init__(self, seed: int, rule_for: RuleFor, system: System = SHOP) -> None:
        self.now = 0.0
        self._seed, self._rule_for, self._system = seed, rule_for, system
        self._pools: dict[str | None, Pool[TaskRun]] = {None: Pool(None)}
        for each in system.services:
            self._pools[each.name] = Pool(each.limit, each.knee, each.steepness)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._ended = Ended()
        for place, job in enumerate(system.jobs):
            self._at(60 * job.first_minute, lambda job=job, place=place: self._due(job, place, 0))  # type: ignore[misc]

    @property
    def services(self) -> frozenset[str]:
        return frozenset(each.name for each in self._system.services)

    def limit(self, service: str) -> int | None:
        """Raises KeyError where there is no such service."""
        return self._pools[service].limit

    def set_limit(self, service: str, limit: int) -> None:
        """Those who wait feel it at once; whoever holds a slot keeps it."""
        self._pools[service].limit = limit
        self._admit(service)

    def advance(self, until: float) -> Ended:
        """Let the system work until a moment, in seconds from its beginning."""
        while (at := self._next()) <= until:
            self._step(at)
        self.now = max(self.now, until)
        ended, self._ended = self._ended, Ended()
        return ended

    def _next(self) -> float:
        event = self._events[0][0] if self._events else math.inf
        return min(event, *(pool.next_end() for pool in self._pools.values()))

    def _step(self, at: float) -> None:
        self.now = max(self.now, at)
        for service, pool in self._pools.items():
            if pool.next_end() <= at:
                self._attempted(pool.end(self.now), service)
                return
        heapq.heappop(self._events)[2]()

    def _at(self, time: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._order), event))

    def _due(self, job: Job, place: int, number: int) -> None:
        rng = np.random.default_rng([self._seed, place, number])
        run = draw_flow_run(job, number, self.now, rng)
        self._at(self.now + run.starts_in, lambda: self._start(run))
        self._at(self.now + 60 * job.every_minutes, lambda: self._due(job, place, number + 1))

    def _start(self, run: FlowRun) -> None:
        run.started = self.now
        self._ended.begun.append(run)
        for task in run.tasks:
            task.queued = self.now
            self._at(self.now + task.handling, lambda task=task: self._queue(task))  # type: ignore[misc]

    def _queue(self, task: TaskRun) -> None:
        service = task.flow_run.job.service
        self._pools[service].queue(task)
        self._admit(service)

    def _admit(self, service: str | None) -> None:
        pool = self._pools[service]
        while (task := pool.admit()) is not None:
            task.started, task.limit = self.now, pool.limit
            self._attempt(task, service)

    def _attempt(self, task: TaskRun, service: str | None) -> None:
        task.attempts += 1
        trouble = task.trouble if task.is_troubled else None
        seconds = trouble.seconds if trouble else task.work
        task.worked -= self.now
        self._pools[service].begin(task, seconds, self.now)

    def _attempted(self, task: TaskRun, service: str | None) -> None:
        task.worked += self.now
        if task.trouble is None or not task.is_troubled:
            self._end(task, service, None)
            return
        error = task.told(task.trouble)
        rule = self._rule_for(f"{error[0]}: {error[1]}", task.flow_run.id)
        retries = min(rule.retries, RETRIES) if rule and rule.fix == "retry" else 0
        again = task.attempts <= retries
        task.failures.append(Attempt(self.now, error, RETRY_SECONDS if again else None))
        if again:
            self._at(self.now + RETRY_SECONDS, lambda: self._attempt(task, service))
        else:
            self._end(task, service, error)

    def _end(self, task: TaskRun, service: str | None, error: tuple[str, str] | None) -> None:
        task.ended, task.error = self.now, error
        self._ended.task_runs.append(task)
        self._pools[service].give_back()
        self._admit(service)
        run = task.flow_run
        if all(each.ended is not None for each in run.tasks):
            self._at(self.now + CLOSING_SECONDS, lambda: self._close(run))

    def _close(self, run: FlowRun) -> None:
        run.ended = self.now
        self._ended.flow_runs.append(run)
