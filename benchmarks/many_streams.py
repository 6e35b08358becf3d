"""Eight hundred streams at once: what e-BH keeps from being raised, and how long it waits.

    python -m benchmarks.many_streams

Streams as in `benchmarks.gate`, weighed together at every hour of 30 days. *Gate alone* raises a
stream once its own evidence crossed; *with e-BH* only at a look that also selects it beside the
others (Wang & Ramdas, JRSS B 84:3, 2022). Null: no stream is ever below the threshold; the chance
that any of them is raised in 30 days is promised to be at most 10 %. Exits with 1 where a promise
does not hold.
"""

import sys
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks import at_most, table
from benchmarks.gate import (
    BEGIN,
    COURSES,
    DAY,
    DELAYS_PROMISED_FOR,
    GOOD_DAYS,
    HOUR,
    HOURS,
    RATE,
    RUNS_AN_HOUR,
    Course,
    Null,
    at_threshold,
    clock,
    hours_to_raise,
    worsening,
)
from grace.statistics import betting
from grace.statistics.betting import Floats
from grace.statistics.discovery import select
from grace.statistics.evidence import weigh

__all__ = ["Raised", "e_values_by_hour", "raised_hours"]

SEED = 20250303
STREAMS = 800
BAD = 40
RATE_OF_WRONG = 0.10
START_UNITS = DAY // 2  # a process starts each half day
ROUNDING = 1e-6  # far above what the two ways to an e-value differ by, which the tests hold


@dataclass(frozen=True)
class Raised:
    """The hour of each stream's first raise, infinite where there was none."""

    alone: Floats
    beside: Floats


def raised_hours(streams: Floats) -> Raised:
    """Look each hour at all streams, (n, units) success rates, as an hourly engine does.

    To weigh 800 streams at each of 720 looks takes minutes. So all e-values are computed at once
    first, and only where they would select a stream that was not yet raised are the streams
    weighed, and selected by what the gate itself says.
    """
    alone = hours_to_raise(streams, RATE, np.zeros(len(streams), dtype=np.intp))
    beside = np.full(len(streams), np.inf)
    for hour, column in enumerate(e_values_by_hour(streams).T):
        upper = column * (1 + ROUNDING)
        waiting = (alone <= hour) & np.isinf(beside)
        if np.any(waiting & select(list(upper))):
            beside[waiting & _selected(streams, upper, hour)] = hour
    return Raised(alone, beside)


def _selected(streams: Floats, upper: Floats, hour: int) -> npt.NDArray[np.bool_]:
    """What e-BH selects at a look; e-values below 1 / rate, which it never does, are left at 0."""
    known = _known(streams, hour)
    times = clock(known)
    e_values = np.zeros(len(streams))
    for row in np.flatnonzero(upper >= 1 / RATE_OF_WRONG):
        now = BEGIN + HOUR * hour
        e_values[row] = weigh(times, streams[row, :known], RATE, now).stream_e_value
    return np.array(select(list(e_values), RATE_OF_WRONG))


def e_values_by_hour(streams: Floats) -> Floats:
    """(n, looks): `Evidence.stream_e_value` of each stream at each hour from 0 to 720.

    A process's capital is that since the first unit over that at its own start, so the mean over
    stakes of capital summed over processes is the same sum taken over processes first. That is
    one exponential a stake for each half day of looks, where `weigh` needs one a process.
    """
    n, looks = len(streams), HOURS + 1
    capital = np.stack([betting.log_capital(1 - row, RATE.limit) for row in streams])
    e_values = np.empty((n, looks))
    hours_a_start = START_UNITS // RUNS_AN_HOUR
    for newest, hour in enumerate(range(0, looks, hours_a_start)):
        firsts = START_UNITS * np.arange(newest + 1)[-RATE.starts :]
        # the mean over the processes of what each stake must be divided by
        at_start = betting.log_evidence(-np.moveaxis(capital[:, firsts], 1, -1))
        known = [_known(streams, look) for look in range(hour, min(hour + hours_a_start, looks))]
        log = betting.log_evidence(capital[:, known] + at_start[:, None])
        e_values[:, hour : hour + len(known)] = betting.evidence(log) * len(firsts) / RATE.starts
    return e_values


def _known(streams: Floats, hour: int) -> int:
    """How many units have come by then, that at the hour itself included."""
    return min(hour * RUNS_AN_HOUR + 1, int(streams.shape[1]))


Row: TypeAlias = tuple[str, ...]


def null_row(rng: np.random.Generator, null: Null, months: int) -> tuple[Row, bool]:
    every = [raised_hours(null.draw(rng, STREAMS)) for _ in range(months)]
    alone = np.array([np.isfinite(each.alone).sum() for each in every])
    beside = np.array([np.isfinite(each.beside).sum() for each in every])
    any_beside = int((beside > 0).sum())
    row = (
        null.name,
        f"{alone.sum() / (months * STREAMS):.2%}",
        f"{(alone > 0).sum()} of {months}",
        f"{beside.sum()} of {months * STREAMS}",
        f"{any_beside} of {months}",
        f"{at_most(any_beside, months):.1%}",
    )
    return row, any_beside <= RATE_OF_WRONG * months


def null_table(months: int) -> tuple[str, bool]:
    rng = np.random.default_rng(SEED)
    nulls = [at_threshold(course, good_days=days) for days in (0, GOOD_DAYS) for course in COURSES]
    rows, kept = zip(*(null_row(rng, null, months) for null in nulls), strict=True)
    heads = (
        "streams",
        "raised by the gate alone",
        "months with any",
        "raised with e-BH",
        "months with any",
        "95 % limit",
    )
    return table(heads, rows), all(kept)


def some_bad(
    rng: np.random.Generator, bad: int, course: Course, days: int
) -> tuple[Floats, Floats]:
    """800 streams, the first few of which fall 15 points below, and the hours at which they do."""
    worse, changed_at = worsening(rng, bad, course, 0.95, days)
    others = at_threshold(course, good_days=days).draw(rng, STREAMS - bad)
    return np.vstack([worse, others]), changed_at / RUNS_AN_HOUR


def bad_row(
    rng: np.random.Generator, bad: int, course: Course, days: int, months: int
) -> tuple[Row, bool]:
    delays, right, wrong = [], np.zeros(months), np.zeros(months)
    for month in range(months):
        streams, changed = some_bad(rng, bad, course, days)
        found = raised_hours(streams)
        delays.append([way[:bad] - changed for way in (found.alone, found.beside)])
        raised = np.isfinite(found.beside)
        right[month], wrong[month] = raised[:bad].sum(), raised[bad:].sum()
    share = float(np.mean(wrong / np.maximum(1, right + wrong)))
    medians = np.median(np.concatenate(delays, axis=1), axis=1)
    row = (
        f"{bad} of {STREAMS}, {course.name}",
        f"{days} days at 95%" if days else "none: bad from the start",
        f"{right.sum():.0f} of {months * bad}",
        f"{wrong.sum():.0f}",
        f"{share:.1%}",
        *(f"{each:.1f}" for each in medians),
    )
    return row, share <= RATE_OF_WRONG


def power_table(months: int) -> tuple[str, bool]:
    rng = np.random.default_rng(SEED + 1)
    cases = [(BAD, course, months) for course in COURSES]
    cases.append((1, DELAYS_PROMISED_FOR, 4 * months))
    rows, kept = zip(
        *(
            bad_row(rng, bad, course, days, times)
            for days in (0, GOOD_DAYS)
            for bad, course, times in cases
        ),
        strict=True,
    )
    heads = ("bad streams", "history", "found", "wrong", "mean share of wrong")
    return table((*heads, "median hours, gate alone", "median hours, with e-BH"), rows), all(kept)


def main(null_months: int = 30, bad_months: int = 10) -> int:
    nulls, null_kept = null_table(null_months)
    print(f"{STREAMS} streams at the threshold, {null_months} months of 30 days each\n\n{nulls}\n")
    power, power_kept = power_table(bad_months)
    print(
        f"Some of {STREAMS} streams 15 points below, {bad_months} months ({4 * bad_months} where "
        f"it is one)\n\n{power}\n"
    )
    return 0 if null_kept and power_kept else 1


if __name__ == "__main__":
    sys.exit(main())
