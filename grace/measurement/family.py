"""Which flow run each run is part of, and how the task runs below a flow run ended."""

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from grace.recent.matching import Places, places_of

__all__ = ["Family"]

Floats = npt.NDArray[np.float64]


class Family:
    """Of rows of `parallel_process_logs`, newest revisions, task runs and flow runs together.

    `flow_runs` are the rows of flow runs; a *place* is that of a row among them.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self.flow_runs = frame[frame["process_type"] == "flow_run"]

    def success_shares(self, units: Places) -> Floats:
        """Of the task runs at or below each unit that succeeded, in the end; NaN without any.

        A unit is the place of a flow run; what is below two of them counts for the nearer one.
        """
        owner = self._owners(units)
        owned = owner >= 0
        runs, good = (
            np.bincount(owner[owned], each[owned], minlength=len(owner)) for each in self._tasks
        )
        with np.errstate(invalid="ignore"):
            return np.asarray((good / runs)[units], dtype=np.float64)

    @cached_property
    def _above(self) -> Places:
        """The place of the flow run that called it, -1 where none did that is here."""
        return places_of(self.flow_runs["parent_process"], self.flow_runs["process_id"])

    @cached_property
    def _tasks(self) -> tuple[Floats, Floats]:
        """For each flow run, how many task runs of its own ended, and how many with success."""
        frame = self._frame
        is_task = frame["process_type"] == "task_run"
        tasks = frame[is_task & frame["completed_at"].notna() & frame["success"].notna()]
        place = places_of(tasks["parent_process"], self.flow_runs["process_id"])
        known = place >= 0
        good = tasks["success"].astype(bool).to_numpy(dtype=np.float64)[known]
        size = len(self.flow_runs)
        counts = (
            np.bincount(place[known], each, minlength=size) for each in (np.ones(good.size), good)
        )
        runs, successes = (np.asarray(each, dtype=np.float64) for each in counts)
        return runs, successes

    def _owners(self, units: Places) -> Places:
        """For each flow run the nearest unit at or above it, -1 where there is none."""
        is_unit = np.zeros(len(self.flow_runs), dtype=bool)
        is_unit[units] = True
        at = np.arange(len(self.flow_runs))
        for _ in range(len(self.flow_runs)):
            climbing = np.flatnonzero((at >= 0) & ~is_unit[at])
            if not climbing.size:
                return at
            at[climbing] = self._above[at[climbing]]
        return np.where((at >= 0) & is_unit[at], at, -1)  # some call each other in a circle
