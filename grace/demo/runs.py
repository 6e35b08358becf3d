"""Flow runs and task runs of the simulated system, while they go on and once they ended."""

import math
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from grace.demo.system import Job, Trouble

__all__ = ["Attempt", "FlowRun", "TaskRun", "draw_flow_run"]

WORK_SPREAD = 0.25  # of the logarithm
START_SECONDS = (6.0, 10.0)  # what a worker takes from the time a run is due until it runs
HANDLING_SECONDS = (0.1, 0.5)  # from a task run's submission until it asks for its slot


@dataclass(frozen=True)
class Attempt:
    """One that failed: when, with which error, and after how many seconds it is tried again."""

    at: float
    error: tuple[str, str]
    again_in: float | None


@dataclass
class TaskRun:
    """Times are seconds of the simulation; `limit` is the one in force when it took its slot."""

    id: str
    place: int
    flow_run: "FlowRun"
    work: float
    handling: float
    trouble: Trouble | None
    luck: tuple[float, ...]
    number: int
    trace: str
    queued: float = 0.0
    started: float | None = None
    ended: float | None = None
    limit: int | None = None
    attempts: int = 0
    worked: float = 0.0
    failures: list[Attempt] = field(default_factory=list)
    error: tuple[str, str] | None = None

    @property
    def is_troubled(self) -> bool:
        """Whether the present attempt fails: luck was drawn beforehand, whatever is set."""
        if self.trouble is None:
            return False
        return all(luck >= self.trouble.heals for luck in self.luck[: self.attempts - 1])

    def told(self, trouble: Trouble) -> tuple[str, str]:
        """Type and message of the error, as it reads at this attempt."""
        said = trouble.message.format(number=self.number, id=f"{self.trace}{self.attempts:02x}")
        return trouble.type, said


@dataclass
class FlowRun:
    id: str
    name: str
    job: Job
    due: float
    starts_in: float
    tasks: list[TaskRun] = field(default_factory=list)
    started: float | None = None
    ended: float | None = None

    @property
    def error(self) -> tuple[str, str] | None:
        """That of its first task run that failed."""
        return next((task.error for task in self.tasks if task.error), None)


def draw_flow_run(job: Job, number: int, due: float, rng: np.random.Generator) -> FlowRun:
    """Everything about a flow run that is chance, drawn at once: no setting changes the draw."""
    run = FlowRun(_id(rng), f"{job.flow}-{number}", job, due, rng.uniform(*START_SECONDS))
    by_day = 1 + 0.15 * math.sin(2 * math.pi * due / 86_400)
    for place in range(job.tasks):
        run.tasks.append(
            TaskRun(
                id=_id(rng),
                place=place,
                flow_run=run,
                work=job.seconds * by_day * float(np.exp(WORK_SPREAD * rng.standard_normal())),
                handling=rng.uniform(*HANDLING_SECONDS),
                trouble=_met(job, place, rng),
                luck=tuple(rng.random(10)),
                number=int(rng.integers(1000, 99_999)),
                trace=rng.bytes(6).hex(),
            )
        )
    return run


def _met(job: Job, place: int, rng: np.random.Generator) -> Trouble | None:
    drawn = [(each, rng.random() < each.share) for each in job.troubles]
    return next((each for each, is_met in drawn if is_met and each.which in (None, place)), None)


def _id(rng: np.random.Generator) -> str:
    return str(UUID(bytes=rng.bytes(16), version=4))
