"""What was forecast on a past day, kept so that it can be held against what came.

Of the forecasts that came due, the share inside its interval is the coverage; where it falls short,
later intervals are widened by as much as would have held (split conformal prediction with the
past forecasts as calibration: Papadopoulos et al., "Inductive confidence machines for regression",
ECML 2002; Barber, Candes, Ramdas & Tibshirani, "Conformal prediction beyond exchangeability",
Annals of Statistics 51:2, 2023, tell what drift costs).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

FEWEST = 10
_WIDEST = 5.0
_DOUBT = 4.0


@dataclass(frozen=True)
class Mark:
    """One lead of a past forecast; low and high as they were shown."""

    lead_days: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Origin:
    """The forecast made on `day`, at a few leads. `widening` is what it was widened by."""

    day: date
    method: str
    widening: float
    marks: tuple[Mark, ...]

    def as_json(self) -> dict[str, Any]:
        """JSON-able, read back by `from_json`."""
        marks = [[mark.lead_days, mark.value, mark.low, mark.high] for mark in self.marks]
        told = {"day": self.day.isoformat(), "method": self.method, "widening": self.widening}
        return {**told, "marks": marks}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Origin:
        """Raises KeyError, TypeError or ValueError for what `as_json` did not write."""
        marks = tuple(Mark(int(k), float(v), float(a), float(b)) for k, v, a, b in told["marks"])
        day = date.fromisoformat(told["day"])
        return cls(day, str(told["method"]), float(told["widening"]), marks)


@dataclass(frozen=True)
class TrackRecord:
    """How many past forecasts came due, the share inside, and the widening that follows."""

    n: int
    coverage: float | None
    widening: float


def track_record(
    origins: Sequence[Origin], actual: Mapping[date, float], inside: float
) -> TrackRecord:
    """Hold each day's forecast, at its longest lead that came due, against `actual`."""
    due = list(_due(origins, actual))
    if not due:
        return TrackRecord(0, None, 1.0)
    coverage = sum(each.held for each in due) / len(due)
    if len(due) < FEWEST:
        return TrackRecord(len(due), coverage, 1.0)
    # as many of the unwidened intervals as promised would have held with this factor
    rank = min(math.ceil((len(due) + 1) * inside), len(due))
    factor = min(max(sorted(each.needed for each in due)[rank - 1], 1.0), _WIDEST)
    # forecasts of 14 days made on 28 days in a row are worth two: so much is not yet believed
    apart = len(due) / median(each.lead_days for each in due)
    return TrackRecord(len(due), coverage, factor ** (apart / (apart + _DOUBT)))


@dataclass(frozen=True)
class _Due:
    """A forecast that came due: the factor that its unwidened interval needed to hold."""

    lead_days: int
    needed: float
    held: bool


def _due(origins: Sequence[Origin], actual: Mapping[date, float]) -> Iterator[_Due]:
    """The last forecast of each day, where it came due."""
    for origin in {origin.day: origin for origin in origins}.values():
        came = [
            (mark, actual[origin.day + timedelta(days=mark.lead_days)])
            for mark in origin.marks
            if origin.day + timedelta(days=mark.lead_days) in actual
        ]
        if came:
            mark, value = max(came, key=lambda pair: pair[0].lead_days)
            off = value - mark.value
            room = mark.high - mark.value if off > 0 else mark.value - mark.low
            needed = 0.0 if off == 0 else abs(off) / room * origin.widening if room else math.inf
            yield _Due(mark.lead_days, needed, mark.low <= value <= mark.high)
