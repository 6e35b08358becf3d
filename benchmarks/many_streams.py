"""Eight hundred streams at once: what e-BH keeps from being raised, and how long it waits.

    python -m benchmarks.many_streams

Streams as in `benchmarks.gate`, weighed together at every hour of 30 days. *Gate alone* raises a
stream once its own evidence crossed; *with e-BH* only while it is also selected beside the others
(Wang & Ramdas, JRSS B 84:3, 2022). Null: no stream is ever below the threshold; the chance that
any of them is raised in 30 days is promised to be at most 10 %. Exits with 1 where a promise does
not hold.
"""

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks import table
from benchmarks.gate import DAY, HOURS, RATE, RUNS_AN_HOUR, attempts, daily
from grace.statistics import betting
from grace.statistics.betting import Floats
from grace.statistics.discovery import select

__all__ = ["Raised", "raised_hours"]

SEED = 20250303
STREAMS = 800
START_UNITS = DAY // 2  # a process starts each half day
GOOD_DAYS = 14


@dataclass(frozen=True)
class Raised:
    """The hour of each stream's first raise, infinite where there was none."""

    alone: Floats
    beside: Floats


def raised_hours(streams: Floats) -> Raised:
    """Look each hour at all streams, (n, units) success rates, as an hourly engine does."""
    n = len(streams)
    capital = np.stack([betting.log_capital(1 - row, RATE.limit) for row in streams])
    alone, beside = np.full(n, np.inf), np.full(n, np.inf)
    for hour in range(1, HOURS + 1):
        _look(capital, hour, alone, beside)
    return Raised(alone, beside)


def _look(capital: Floats, hour: int, alone: Floats, beside: Floats) -> None:
    unit = hour * RUNS_AN_HOUR
    firsts = np.arange(0, unit, START_UNITS)[-RATE.starts :]
    # between two looks of an hour a stream may have crossed and come back
    crossed = np.zeros(len(alone), dtype=np.bool_)
    for at in range(unit - RUNS_AN_HOUR + 1, unit + 1):
        log = betting.log_evidence(capital[:, at, None] - capital[:, firsts[firsts < at]])
        crossed |= log.max(axis=1, initial=-np.inf) >= np.log(RATE.needed)
    e_values = betting.evidence(log).sum(axis=1) / RATE.starts
    alone[crossed] = np.minimum(alone[crossed], hour)
    selected = np.array(select(list(e_values))) & np.isfinite(alone)
    beside[selected] = np.minimum(beside[selected], hour)


def _rates(history: bool, cycle: bool, bad: int = 0) -> Floats:
    """(streams, units) true rates: at the threshold, `bad` of them 15 points below."""
    rates = np.full((STREAMS, HOURS * RUNS_AN_HOUR), RATE.threshold)
    rates[:] = daily(RATE.threshold, 0.05) if cycle else RATE.threshold
    rates[:bad] -= 0.15
    if history:
        rates[:, : GOOD_DAYS * DAY] = 0.95
    return rates


CORRELATIONS = (
    ("independent", 0.0, False),
    ("ICC 0.05", 0.05, False),
    ("ICC 0.1", 0.1, False),
    ("ICC 0.2", 0.2, False),
    ("daily cycle, ICC 0.2", 0.2, True),
)


def _count(hours: Floats, since: int) -> npt.NDArray[np.int64]:
    return np.array([np.isfinite(hours[:since]).sum(), np.isfinite(hours[since:]).sum()])


def null_table(repeats: int) -> tuple[str, bool]:
    rng, rows, kept = np.random.default_rng(SEED), [], True
    for name, icc, cycle in CORRELATIONS:
        for history in (False, True):
            rates = _rates(history, cycle)
            every = [raised_hours(attempts(rng, STREAMS, rates, icc)) for _ in range(repeats)]
            alone = sum(int(np.isfinite(each.alone).sum()) for each in every)
            beside = [int(np.isfinite(each.beside).sum()) for each in every]
            months = sum(count > 0 for count in beside)
            kept &= months <= max(1, 0.1 * repeats)
            past = f"{GOOD_DAYS} days at 95%" if history else "none"
            total = repeats * STREAMS
            rows.append((name, past, f"{alone / total:.2%}", f"{sum(beside)} of {total}"))
    return table(("stream", "history", "gate alone", "with e-BH"), rows), kept


def power_table(bad: int = 40, icc: float = 0.1) -> tuple[str, bool]:
    rng, rows, kept = np.random.default_rng(SEED + 1), [], True
    for history in (False, True):
        found = raised_hours(attempts(rng, STREAMS, _rates(history, cycle=False, bad=bad), icc))
        begun = GOOD_DAYS * 24 if history else 0
        right, wrong = _count(found.beside, bad)
        kept &= bool(wrong <= 0.1 * max(1, right + wrong))
        delays = [np.median(hours[:bad]) - begun for hours in (found.alone, found.beside)]
        past = f"{GOOD_DAYS} days at 95%" if history else "none: bad from the start"
        rows.append((past, f"{right} of {bad}", str(wrong), *(f"{each:.1f}" for each in delays)))
    heads = ("history", "found", "wrong", "median hours, gate alone", "median hours, with e-BH")
    return table(heads, rows), kept


def main(repeats: int = 5) -> int:
    nulls, null_kept = null_table(repeats)
    print(f"{STREAMS} streams at the threshold, raised in 30 days, {repeats} times\n\n{nulls}\n")
    power, power_kept = power_table()
    print(f"40 of {STREAMS} streams 15 points below, ICC 0.1\n\n{power}\n")
    return 0 if null_kept and power_kept else 1


if __name__ == "__main__":
    sys.exit(main())
