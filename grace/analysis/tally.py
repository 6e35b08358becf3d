"""Tallies: what must be kept of many rows so that every figure of theirs can be computed later.

One tally holds, of one measure and one part in one hour, the sum and number of values in each unit
(the flow run, or the hour), what was counted apart, and a sketch where quantiles are wanted. Units
are kept by name, since one that reaches over several hours is still one. Tallies of disjoint rows
merge into that of all of them; nothing is ever averaged twice.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import fsum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from grace.analysis.rates import Floats, Mean, Rate, Scale, mean_interval, rate_interval
from grace.analysis.sketch import Sketch, merged_sketch

__all__ = ["EMPTY", "WHOLE", "Hours", "Key", "Tally", "merged"]

Key: TypeAlias = tuple[str, str]  # measure and part
Hours: TypeAlias = dict[int, dict[Key, "Tally"]]  # by the hour's start in microseconds since 1970
Ints: TypeAlias = npt.NDArray[np.int64]

WHOLE = ""
NO_UNITS: Ints = np.zeros(0, dtype=np.int64)
NO_VALUES: Floats = np.zeros(0, dtype=np.float64)


@dataclass(frozen=True)
class Tally:
    units: Ints = field(default_factory=lambda: NO_UNITS)
    sums: Floats = field(default_factory=lambda: NO_VALUES)
    counts: Ints = field(default_factory=lambda: NO_UNITS)
    apart: Mapping[str, int] = field(default_factory=dict)
    sketch: Sketch | None = None

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def total(self) -> float:
        return fsum(self.sums)

    def rate(self, *, open: str = "open", neither: str = "neither", level: float = 0.95) -> Rate:
        """Of values that are 0 or 1; `open` and `neither` name what was counted apart."""
        hits, counts = round(self.total), self.counts.astype(np.float64)
        return Rate(
            value=hits / self.n if self.n else None,
            interval=rate_interval(self.sums, counts, level),
            n=self.n,
            hits=hits,
            units=self.units.size,
            open=self.apart.get(open, 0),
            neither=self.apart.get(neither, 0),
        )

    def mean(self, scale: Scale, level: float = 0.95) -> Mean:
        return Mean(
            value=self.total / self.n if self.n else None,
            interval=mean_interval(self.sums, self.counts.astype(np.float64), scale, level),
            n=self.n,
            units=self.units.size,
            unusable=self.apart.get("unusable", 0),
        )

    def as_text(self) -> str:
        sketch = self.sketch.as_json() if self.sketch else None
        sums = [int(value) if value.is_integer() else value for value in self.sums.tolist()]
        state = [self.units.tolist(), sums, self.counts.tolist(), dict(self.apart), sketch]
        return json.dumps(state, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> "Tally":
        units, sums, counts, apart, sketch = json.loads(text)
        return cls(
            np.array(units, dtype=np.int64),
            np.array(sums, dtype=np.float64),
            np.array(counts, dtype=np.int64),
            apart,
            Sketch.from_json(sketch) if sketch else None,
        )


EMPTY = Tally()


def merged(parts: Iterable[Tally]) -> Tally:
    """The tally of all rows that are in these; they must have no row in common."""
    found = list(parts)
    if len(found) < 2:
        return found[0] if found else EMPTY
    names, place = np.unique(np.concatenate([one.units for one in found]), return_inverse=True)
    sums, counts = np.zeros(names.size), np.zeros(names.size, dtype=np.int64)
    np.add.at(sums, place, np.concatenate([one.sums for one in found]))
    np.add.at(counts, place, np.concatenate([one.counts for one in found]))
    apart = dict(sum((Counter(one.apart) for one in found), Counter[str]()))
    sketches = [one.sketch for one in found if one.sketch]
    return Tally(names, sums, counts, apart, merged_sketch(sketches) if sketches else None)
