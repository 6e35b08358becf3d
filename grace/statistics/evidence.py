"""The evidence gate: has one stream of flow runs shown that it is beyond a threshold?

The unit of evidence is the flow run, one number each, because attempts within a run fail together.
A rate x below m is its shortfall 1 - x above 1 - m, so that both kinds are one bet (`betting`):

    rate below m:  mean over g of prod(1 + g (m - x)),      g = stake / (1 - m)
    mean above m:  mean over g of prod(1 + g (x / m - 1)),  g = stake

Bets lost in a good past would hide a change, so a process starts every 12 hours, at level
0.05 / 60. If no unit's expected value, given the units before it, is beyond the threshold, the 60
processes of a stream's first 30 days raise with a chance of at most 5 % together, however often
one looks; a stream that lives for ever does so at most once in 600 days on average.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from grace.statistics import betting
from grace.statistics.betting import Floats

Indices: TypeAlias = npt.NDArray[np.intp]
Kind: TypeAlias = Literal["mean_above", "rate_below"]

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Gate:
    """What a stream is held against: a mean above `threshold`, or a rate in [0, 1] below it."""

    threshold: float
    kind: Kind
    start_every_hours: float = 12
    level: float = 0.05
    starts: int = 60

    def __post_init__(self) -> None:
        highest = 1.0 if self.kind == "rate_below" else math.inf
        if not 0 < self.threshold < highest:
            raise ValueError(f"the threshold of {self.kind} must lie between 0 and {highest}")
        if not (0 < self.level < 1 and self.starts >= 1 and self.start_every_hours > 0):
            raise ValueError("level must lie between 0 and 1, starts and start_every_hours above 0")

    @property
    def limit(self) -> float:
        """The limit that the amounts are bet against."""
        return 1 - self.threshold if self.kind == "rate_below" else self.threshold

    @property
    def needed(self) -> float:
        """The evidence at which a process raises: 1200 by default."""
        return self.starts / self.level


@dataclass(frozen=True)
class Evidence:
    """What the stream has shown by now: of the first process that crossed, else of the best one.

    `window` runs from that process's start to the unit at which it crossed (else to the newest
    unit); `units`, `mean` and `interval` describe the units in it. `interval` is the one-sided
    confidence interval (95 % at level 0.05) that belongs to the gate: the thresholds beyond which
    this evidence does not show the stream to be. It excludes the gate's own threshold exactly when
    `crossed`, and holds for all windows and all looks at once; where the expected value moved
    within the window, it holds for the most extreme one. It claims nothing on the other side: a
    wait without an upper bound has no honest upper limit, whatever the number of units.

    `units_missing`: how many more units like those in the window would cross; None if none would.
    `stream_e_value`: the mean over the stream's processes as they stand now, the e-value of the
    stream as a whole, for `discovery.select`. Unlike `crossed` it falls when a stream recovers.
    """

    crossed: bool
    e_value: float
    needed: float
    units: int
    window: tuple[datetime, datetime] | None
    mean: float | None
    interval: tuple[float, float] | None
    units_missing: int | None
    stream_e_value: float


@dataclass(frozen=True)
class _Span:
    """The units first..last (last excluded) of one process, and its log evidence at their end."""

    first: int
    last: int
    log_evidence: float


def weigh(
    times: Sequence[datetime],
    values: Sequence[float] | Floats,
    gate: Gate,
    now: datetime,
    *,
    origin: datetime | None = None,
) -> Evidence:
    """Weigh the units known by `now`: one aware time and one value each, in the order of time.

    `origin` is the stream's first moment, by default its first unit; earlier units do not count.
    A caller that loads only the last 30 days, or lets a stream begin anew after an action, must
    pass it, the same at every look: starts that move with the looks are more than 60 starts.
    Raises ValueError for times that are naive or out of order, and for values the kind excludes.
    """
    begin = origin or (times[0] if len(times) else now)
    hours, age_hours = _hours_since(begin, times, now)
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != hours.shape:
        raise ValueError(f"{hours.size} times for values of shape {numbers.shape}")
    known = int(np.searchsorted(hours, age_hours, side="right"))
    amounts = _amounts(numbers, gate.kind)[:known]
    starts = _active_starts(age_hours, gate)
    firsts = np.searchsorted(hours[:known], starts)
    capital = betting.log_capital(amounts, gate.limit)
    log_now = betting.log_evidence(capital[-1] - capital[firsts])
    stream_e_value = float(betting.evidence(log_now).sum()) / gate.starts
    if not np.any(firsts < known):
        return Evidence(False, 1.0, gate.needed, 0, None, None, None, None, stream_e_value)
    crossing = _first_crossing(capital, np.unique(firsts), math.log(gate.needed))
    span = crossing or _best(firsts, known, log_now)
    start = float(starts[np.searchsorted(firsts, span.first, side="right") - 1])
    growth = capital[span.last] - capital[span.first]
    return Evidence(
        crossed=crossing is not None,
        e_value=float(betting.evidence(span.log_evidence)),
        needed=gate.needed,
        units=span.last - span.first,
        window=(begin + start * _HOUR, times[span.last - 1]),
        mean=float(numbers[span.first : span.last].mean()),
        interval=_interval(amounts[span.first : span.last], gate),
        units_missing=0 if crossing else _units_missing(growth, span, math.log(gate.needed)),
        stream_e_value=stream_e_value,
    )


def _amounts(values: Floats, kind: Kind) -> Floats:
    highest = 1.0 if kind == "rate_below" else np.finfo(np.float64).max
    if not np.all((values >= 0) & (values <= highest)):
        raise ValueError(f"values of {kind} must be numbers from 0 to {highest}")
    return 1 - values if kind == "rate_below" else values


def _hours_since(
    origin: datetime, times: Sequence[datetime], now: datetime
) -> tuple[Floats, float]:
    if any(time.tzinfo is None for time in (origin, now, *times)):
        raise ValueError("times must be aware (UTC)")
    hours = np.fromiter(((time - origin) / _HOUR for time in times), np.float64, len(times))
    if np.any(np.diff(hours) < 0):
        raise ValueError("units must come in the order of time")
    return hours, (now - origin) / _HOUR


def _active_starts(age_hours: float, gate: Gate) -> Floats:
    """Hours from the origin to each start that counts: those of the last 30 days, at most 60."""
    newest = math.floor(age_hours / gate.start_every_hours)
    return gate.start_every_hours * np.arange(max(0, newest - gate.starts + 1), newest + 1.0)


def _first_crossing(capital: Floats, firsts: Indices, log_needed: float) -> _Span | None:
    """The process that crossed first; of several at one unit, the one with most evidence.

    A mean of stakes is there only where one of them is, so evidence is computed at those units
    alone, and a process none of whose stakes ever gets there is passed over.
    """
    highest_to_come = np.maximum.accumulate(capital[::-1])[::-1]
    promising = (highest_to_come[firsts] - capital[firsts]).max(axis=1) >= log_needed
    found: _Span | None = None
    for first in firsts[promising]:
        last = found.last if found else len(capital) - 1
        ahead = capital[first + 1 : last + 1]
        near = np.flatnonzero((ahead >= capital[first] + log_needed).any(axis=1))
        log = betting.log_evidence(ahead[near] - capital[first])
        crossed = np.flatnonzero(log >= log_needed)
        if crossed.size:
            at = int(crossed[0])
            span = _Span(int(first), int(first + near[at]) + 1, float(log[at]))
            if found is None or (span.last, -span.log_evidence) < (found.last, -found.log_evidence):
                found = span
    return found


def _best(firsts: Indices, known: int, log_now: Floats) -> _Span:
    candidates = np.where(firsts < known, log_now, -np.inf)
    best = int(candidates.argmax())
    return _Span(int(firsts[best]), known, float(candidates[best]))


def _units_missing(growth: Floats, span: _Span, log_needed: float) -> int | None:
    """Units until the stakes cross if each goes on growing, unit for unit, as in the window."""
    if growth.max() <= 1e-9:  # no growth beyond rounding
        return None
    units = span.last - span.first

    def crossed(more: int) -> bool:
        return bool(betting.log_evidence(growth * (1 + more / units)) >= log_needed)

    enough = math.ceil(units * (log_needed + math.log(growth.size)) / float(growth.max()))
    return bisect.bisect_left(range(enough), True, key=crossed)


def _interval(amounts: Floats, gate: Gate) -> tuple[float, float]:
    lowest = betting.lower_limit(amounts, math.log(gate.needed))
    return (0.0, 1 - lowest) if gate.kind == "rate_below" else (lowest, math.inf)
