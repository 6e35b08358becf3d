"""A quantile sketch that can be merged: DDSketch (Masson, Rim & Lee, PVLDB 12:12, 2019).

A value x > 0 is counted in bin ceil(log x / log gamma), whose middle is at most ERROR (relative)
from any value in it; zeros are counted apart and stay exact. Merging adds counts, so that any
order and any grouping gives the same sketch.
"""

from dataclasses import dataclass
from math import exp, floor, log
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["ERROR", "Sketch", "bins_of", "merged_sketch"]

ERROR = 0.01
# the rest of ERROR is left for rounding in the logarithm
_GAMMA = (1 + 0.99 * ERROR) / (1 - 0.99 * ERROR)
_LOG_GAMMA = log(_GAMMA)

Ints: TypeAlias = npt.NDArray[np.int64]
_State: TypeAlias = tuple[list[int], list[int], int, float, float]


def bins_of(values: npt.NDArray[np.float64]) -> Ints:
    """The bin of each positive value."""
    return np.ceil(np.log(values) / _LOG_GAMMA).astype(np.int64)


@dataclass(frozen=True)
class Sketch:
    """Values that are finite and not negative; `bins` ascend and `counts` are theirs."""

    bins: Ints
    counts: Ints
    zeros: int
    low: float
    high: float

    @classmethod
    def of(cls, values: npt.NDArray[np.float64]) -> "Sketch":
        """Of at least one value. Raises ValueError for what is negative or not finite."""
        if not values.size or not np.all(np.isfinite(values) & (values >= 0)):
            raise ValueError("a sketch takes finite numbers that are not negative, at least one")
        above = values[values > 0]
        bins, counts = np.unique(bins_of(above), return_counts=True)
        zeros = values.size - above.size
        return cls(bins, counts.astype(np.int64), zeros, float(values.min()), float(values.max()))

    @property
    def n(self) -> int:
        return int(self.counts.sum()) + self.zeros

    def quantile(self, share: float) -> float:
        """The value of rank floor(share (n - 1)), from 0 on, within ERROR; the ends exactly."""
        rank = floor(share * (self.n - 1))
        if rank < self.zeros:
            return 0.0
        if rank in (0, self.n - 1):
            return self.high if rank else self.low
        place = np.searchsorted(np.cumsum(self.counts), rank - self.zeros, side="right")
        middle = float(self.bins[place]) * _LOG_GAMMA + log(2 / (1 + _GAMMA))
        return min(max(exp(min(middle, log(self.high))), self.low), self.high)

    def as_json(self) -> "_State":
        return self.bins.tolist(), self.counts.tolist(), self.zeros, self.low, self.high

    @classmethod
    def from_json(cls, state: "_State") -> "Sketch":
        bins, counts, zeros, low, high = state
        return cls(np.array(bins, np.int64), np.array(counts, np.int64), zeros, low, high)


def merged_sketch(sketches: list[Sketch]) -> Sketch:
    """Of at least one: as if all their values had been seen by one."""
    bins, place = np.unique(np.concatenate([one.bins for one in sketches]), return_inverse=True)
    counts = np.zeros(bins.size, dtype=np.int64)
    np.add.at(counts, place, np.concatenate([one.counts for one in sketches]))
    return Sketch(
        bins,
        counts,
        sum(one.zeros for one in sketches),
        min(one.low for one in sketches),
        max(one.high for one in sketches),
    )
