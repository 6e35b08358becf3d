"""Schedules that fire together: who came at the same second, and what a spread would change.

Only runs that a schedule made count (Prefect tags them `auto-scheduled`), of two deployments at
least: more runs of one deployment at once are its own work, which no other time would take away.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from grace.opportunities.queueing import Floats, replay

__all__ = ["SCHEDULED", "Burst", "bursts_of"]

SCHEDULED = "auto-scheduled"
# a spread that takes away less than half of the waiting is no answer to it
HALF = 0.5
OFFSETS = 12


@dataclass(frozen=True)
class Burst:
    """The runs that wait for one thing, `together` marking those that came with others.

    `period` is the usual time in seconds from one coming together to the next.
    """

    queued: Floats
    held: Floats
    deployments: tuple[str, ...]
    together: "np.ndarray"
    slots: int
    period: float

    @property
    def names(self) -> list[str]:
        return sorted({self.deployments[run] for run in np.flatnonzero(self.together)})

    @property
    def mean_now(self) -> float:
        """Mean wait in seconds of these runs, were their queue played again as it was."""
        return float(replay(self.queued, self.held, self.slots).mean())

    @property
    def mean_spread(self) -> float:
        """The same, had those that came together come evenly spread until the next time."""
        moved = self.queued.copy()
        for second in np.unique(np.round(self.queued[self.together])):
            mine = np.flatnonzero(self.together & (np.round(self.queued) == second))
            moved[mine] += np.arange(mine.size) * self.period / mine.size
        return float(replay(moved, self.held, self.slots).mean())

    @property
    def is_the_cause(self) -> bool:
        """Whether the waiting goes away where only the times of coming change."""
        return self.mean_now > 0 and self.mean_spread <= HALF * self.mean_now

    def best_offset(self, deployment: str) -> tuple[float, float]:
        """By how many seconds its schedule should move, and the mean wait of all runs then."""
        mine = np.array([name == deployment for name in self.deployments]) & self.together
        tried = []
        for step in range(1, OFFSETS):
            offset = float(round(self.period * step / OFFSETS))
            moved = self.queued + np.where(mine, offset, 0.0)
            tried.append((float(replay(moved, self.held, self.slots).mean()), offset))
        mean, offset = min(tried)
        return offset, mean


def bursts_of(runs: pd.DataFrame, slots: int) -> Burst | None:
    """None where no two deployments came together at least twice.

    `runs` are all runs that need one of these slots: deployment, scheduled, and in seconds the
    columns queued_s and held.
    """
    queued = runs["queued_s"].to_numpy(dtype=np.float64)
    second = pd.Series(np.round(queued), runs.index)
    scheduled = runs["scheduled"].to_numpy(dtype=bool)
    rows = pd.DataFrame({"second": second, "deployment": runs["deployment"]})[scheduled]
    several = rows.groupby("second")["deployment"].nunique()
    seconds = several.index[several > 1].to_numpy(dtype=np.float64)
    if seconds.size < 2:
        return None
    return Burst(
        queued=queued,
        held=runs["held"].to_numpy(dtype=np.float64),
        deployments=tuple(runs["deployment"]),
        together=scheduled & second.isin(seconds).to_numpy(),
        slots=slots,
        period=float(np.median(np.diff(np.sort(seconds)))),
    )
