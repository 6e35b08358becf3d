"""How often the evidence gate raises wrongly, and how soon rightly: `python -m benchmarks.gate`.

Null hypothesis of the first table: no unit's expected value, given the past, is beyond the
threshold. A stream is 30 days of two runs an hour, ten tasks each, looked at every hour. The naive
method is what one would write first: at each look, test the last 24 hours at 5 %, for a rate with
every attempt as a unit. Exits with 1 where a promise of the gate does not hold.
"""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import process_time

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

from benchmarks import at_most, table
from grace.statistics.betting import Floats
from grace.statistics.evidence import Evidence, Gate, weigh

SEED = 20250101
HOURS = 30 * 24
RUNS_AN_HOUR = 2
TASKS = 10
DAY = 24 * RUNS_AN_HOUR  # units
HOUR = timedelta(hours=1)
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)

RATE = Gate(0.85, "rate_below")
WAIT = Gate(2.0, "mean_above")  # seconds


@dataclass(frozen=True)
class Course:
    """How the attempts of a run go together, and how far the rate rises for half of each day."""

    name: str
    icc: float
    above: float = 0.0

    def rate(self, below: float = 0.0) -> Floats:
        """One rate a unit: the threshold, or so much below it, plus the daily cycle."""
        return daily(RATE.threshold - below, self.above)


@dataclass(frozen=True)
class Null:
    """`draw(rng, n)` gives n streams, (n, units), none of them ever beyond the gate's threshold."""

    name: str
    gate: Gate
    draw: Callable[[np.random.Generator, int], Floats]


def attempts(rng: np.random.Generator, n: int, rate: Floats | float, icc: float) -> Floats:
    """(n, units) success rates of runs of ten tasks; `icc` correlates the tasks of a run.

    Beta-binomial, so that every run's expected rate is `rate` (one number, or one a unit) and two
    tasks of a run are correlated by `icc`; with 0 they are independent, with 1 they are as one.
    """
    units = np.broadcast_to(rate, (n, HOURS * RUNS_AN_HOUR))
    if icc == 1:
        return np.asarray(rng.random(units.shape) < units, dtype=np.float64)
    if icc:
        spread = 1 / icc - 1
        units = rng.beta(units * spread, (1 - units) * spread)
    return rng.binomial(TASKS, units) / TASKS


def daily(rate: float, above: float, below: float = 0.0) -> Floats:
    """One rate a unit: half of each day up to `above` over `rate`, half down to `below` under."""
    wave = np.sin(2 * np.pi * np.arange(HOURS * RUNS_AN_HOUR) / DAY)
    return np.asarray(rate + above * np.maximum(0, wave) + below * np.minimum(0, wave))


def after_good(rates: Floats, good: float, days: int) -> Floats:
    """One rate a unit: for some days `good`, then as given."""
    return np.where(np.arange(rates.size) < days * DAY, good, rates)


def waits(rng: np.random.Generator, n: int, mean: float, sigma: float) -> Floats:
    """(n, units) lognormal seconds of exactly this mean; the larger sigma, the heavier tailed."""
    return rng.lognormal(math.log(mean) - sigma**2 / 2, sigma, (n, HOURS * RUNS_AN_HOUR))


# what the promise names
COURSES = (
    Course("independent attempts", 0),
    Course("ICC 0.05", 0.05),
    Course("ICC 0.1", 0.1),
    Course("ICC 0.2", 0.2),
    Course("daily cycle, ICC 0.2", 0.2, above=0.05),
)
BEYOND_THE_NAMED = (Course("ICC 0.5", 0.5), Course("ICC 1", 1))
DELAYS_PROMISED_FOR = COURSES[2]
GOOD_DAYS = 14


def at_threshold(course: Course, good: float = 0.95, good_days: int = 0) -> Null:
    """A rate that is never below the threshold, after so many days at the rate `good`."""
    rates = after_good(course.rate(), good, good_days)
    past = f"{good_days} days at {good:.0%}, then " if good_days else ""
    name = f"rate, {past}{course.name}"
    return Null(name, RATE, lambda rng, n: attempts(rng, n, rates, course.icc))


def wait_at_threshold(sigma: float) -> Null:
    name = f"wait, lognormal sigma {sigma:g}"
    return Null(name, WAIT, lambda rng, n: waits(rng, n, WAIT.threshold, sigma))


NULLS = (
    *(at_threshold(course) for course in COURSES),
    *(at_threshold(course, good_days=GOOD_DAYS) for course in COURSES),
    *(at_threshold(course) for course in BEYOND_THE_NAMED),
    *(wait_at_threshold(sigma) for sigma in (0.5, 1, 2)),
)


def around(points: int) -> Null:
    """Half of each day below the threshold, half above: what is seen is there, while it lasts."""
    rates = daily(RATE.threshold, points / 100, points / 100)
    name = f"outside the promise: rate, cycle of ±{points} points around the threshold, ICC 0.2"
    return Null(name, RATE, lambda rng, n: attempts(rng, n, rates, 0.2))


OUTSIDE = tuple(around(points) for points in (2, 5, 10))


def clock(units: int, per_hour: int = RUNS_AN_HOUR) -> list[datetime]:
    """One time a unit, evenly from BEGIN on."""
    return [BEGIN + HOUR * unit / per_hour for unit in range(units)]


def weigh_each(streams: Floats, gate: Gate) -> Iterator[Evidence]:
    """Each stream at its end, which tells of every earlier look: what was raised once stays so."""
    times = clock(streams.shape[1])
    return (weigh(times, values, gate, times[-1]) for values in streams)


def naive_raises(streams: Floats, gate: Gate) -> npt.NDArray[np.bool_]:
    """Which streams the naive method raises at any hourly look, beginning after 24 hours."""
    ends = np.arange(DAY, streams.shape[1] + 1, RUNS_AN_HOUR)
    mean, square = (_rolling_mean(values, ends) for values in (streams, streams**2))
    if gate.kind == "rate_below":
        error = math.sqrt(gate.threshold * (1 - gate.threshold) / (DAY * TASKS))
        beyond = (gate.threshold - mean) / error > norm.ppf(0.95)
    else:
        error_of_mean = np.sqrt((square - mean**2) / (DAY - 1))
        beyond = (mean - gate.threshold) / error_of_mean > t.ppf(0.95, DAY - 1)
    return np.asarray(beyond.any(axis=1))


def _rolling_mean(values: Floats, ends: npt.NDArray[np.intp]) -> Floats:
    sums = np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))
    return np.asarray((sums[:, ends] - sums[:, ends - DAY]) / DAY)


def hours_to_raise(streams: Floats, gate: Gate, changed_at: npt.NDArray[np.intp]) -> Floats:
    """Hours from the unit at which each stream changed to the hourly look that raises it."""
    times = clock(streams.shape[1])
    hours = np.full(len(streams), np.inf)
    for row, evidence in enumerate(weigh_each(streams, gate)):
        if evidence.crossed and evidence.window:
            look = math.ceil((evidence.window[1] - BEGIN) / HOUR)
            hours[row] = look - (times[changed_at[row]] - BEGIN) / HOUR
    return hours


def worsening(
    rng: np.random.Generator, n: int, course: Course, good: float, good_days: int
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Streams at the rate `good` for some days, then 15 points below the threshold.

    The change falls on any unit of a half day, since bets begin each half day.
    """
    jitter = rng.integers(DAY // 2, size=n) if good_days else np.zeros(n, dtype=np.intp)
    changed_at = good_days * DAY + jitter
    before = np.arange(HOURS * RUNS_AN_HOUR) < changed_at[:, None]
    return attempts(rng, n, np.where(before, good, course.rate(0.15)), course.icc), changed_at


def seconds_to_weigh(repeats: int = 7) -> Iterator[tuple[str, float]]:
    """Median CPU seconds for 86,400 units: 30 days of a run each 30 seconds."""
    rng, units = np.random.default_rng(SEED), HOURS * 120
    times = clock(units, per_hour=120)
    flat_then_bad = np.full(units, RATE.threshold)
    flat_then_bad[-4:] = 0
    for name, gate, values in (
        ("rate at the threshold, ICC 1", RATE, (rng.random(units) < 0.85).astype(float)),
        ("wait 1 % above the threshold", WAIT, waits(rng, 60, 2.02, 1.0).ravel()[:units]),
        ("worst case: every process almost there", RATE, flat_then_bad),
    ):
        spent = []
        for _ in range(repeats):
            begun = process_time()
            weigh(times, values, gate, times[-1])
            spent.append(process_time() - begun)
        yield name, float(np.median(spent))


def false_raises(n: int) -> tuple[str, bool]:
    rng, rows, kept = np.random.default_rng(SEED), [], True
    for null in (*NULLS, *OUTSIDE):
        streams = null.draw(rng, n)
        raised = sum(evidence.crossed for evidence in weigh_each(streams, null.gate))
        naive = naive_raises(streams, null.gate).mean()
        kept &= null in OUTSIDE or raised / n <= null.gate.level
        rows.append((null.name, f"{raised / n:.2%}", f"{at_most(raised, n):.2%}", f"{naive:.0%}"))
    return table(("stream", "gate raises", "95 % limit", "naive raises"), rows), kept


def power(n: int) -> tuple[str, bool]:
    rng, rows, kept = np.random.default_rng(SEED + 1), [], True
    histories = [(course, 0.95, days) for days in (0, GOOD_DAYS) for course in COURSES]
    histories += [(DELAYS_PROMISED_FOR, good, GOOD_DAYS) for good in (0.90, 0.99)]
    for course, good, days in histories:
        streams, changed_at = worsening(rng, n, course, good, days)
        low, middle, high = np.percentile(
            hours_to_raise(streams, RATE, changed_at), [10, 50, 90], method="higher"
        )
        promised = (20 if days else 12) if course is DELAYS_PROMISED_FOR else None
        kept &= promised is None or bool(middle <= promised)
        past = f"{days} days at {good:.0%}" if days else "none: bad from the start"
        span = f"{low:.1f} to {high:.1f}"
        rows.append((course.name, past, f"{middle:.1f}", span, str(promised or "none")))
    return table(("rate", "history", "median hours", "middle 80 %", "bar"), rows), kept


def main(n: int = 4000) -> int:
    false_table, level_kept = false_raises(n)
    print(
        f"False raises in 30 days of hourly looks, {n} streams each, level 5 %\n\n{false_table}\n"
    )
    power_table, power_kept = power(n // 2)
    print(f"Hours to raise a rate 15 points below, {n // 2} streams each\n\n{power_table}\n")
    timings = [(name, f"{seconds:.2f}") for name, seconds in seconds_to_weigh()]
    print(f"Weighing 86,400 units\n\n{table(('stream', 'median CPU seconds of 7'), timings)}\n")
    return 0 if level_kept and power_kept else 1


if __name__ == "__main__":
    sys.exit(main())
