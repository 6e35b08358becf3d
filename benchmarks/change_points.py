"""How often a change is seen where there is none, and where one is: `python -m
benchmarks.change_points`.

A series is a week of hours. In the first table nothing changes; in the second the mean shifts once,
by two standard deviations of the noise, with at least ten hours before and after, and is located
when a change point lies within ten hours of it. The naive method has the same search and the same
penalty, in units of the plain variance about a step (as if hours were independent), and takes no
cycle out. Exits with 1 where a promise does not hold.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import ruptures

from benchmarks import at_most, table
from benchmarks._daily import autoregressive
from grace.statistics.betting import Floats
from grace.statistics.change_points import FEWEST_POINTS, PENALTY, change_points

SEED = 20250101
HOURS = 7 * 24
SHIFT = 2.0
WITHIN = 10
FALSE = 0.01
FALSE_IF_ALIKE = 0.05
LOCATED = 0.95


@dataclass(frozen=True)
class Course:
    """`draw(rng, steps)` is a series whose mean is off by `steps` standard deviations each hour."""

    name: str
    draw: Callable[[np.random.Generator, Floats], Floats]
    false: float | None
    """The promised share of false changes; None where none is promised."""
    located: bool = True


def lognormal_mean(rng: np.random.Generator, runs: int, hours: int) -> Floats:
    """Means of so many lognormal waits (sigma 1), with variance 1."""
    sd = math.sqrt((math.e - 1) * math.e / runs)
    return np.asarray(rng.lognormal(0, 1, (hours, runs)).mean(axis=1) / sd)


def cycle(hours: int) -> Floats:
    return np.asarray(2 * np.sin(2 * np.pi * np.arange(hours) / 24))


def night(hours: int) -> Floats:
    """Three lower from midnight to eight."""
    return np.where(np.arange(hours) % 24 < 8, -3.0, 0.0)


def poisson(mean: float) -> Callable[[np.random.Generator, Floats], Floats]:
    sd = math.sqrt(mean)
    return lambda rng, steps: rng.poisson(np.maximum(mean + sd * steps, 0)).astype(float)


COURSES = (
    Course("gaussian", lambda rng, steps: rng.standard_normal(steps.size) + steps, FALSE),
    Course("Poisson, 5 an hour", poisson(5), FALSE),
    Course("Poisson, 25 an hour", poisson(25), FALSE),
    Course("mean of 5 lognormal", lambda rng, s: lognormal_mean(rng, 5, s.size) + s, FALSE),
    Course("mean of 20 lognormal", lambda rng, s: lognormal_mean(rng, 20, s.size) + s, FALSE),
    Course("daily cycle", lambda rng, s: rng.standard_normal(s.size) + cycle(s.size) + s,
           FALSE_IF_ALIKE),
    Course("quiet nights", lambda rng, s: rng.standard_normal(s.size) + night(s.size) + s,
           FALSE_IF_ALIKE),
    Course("AR(1) 0.5", lambda rng, s: autoregressive(rng, s.size, 0.5) + s, FALSE_IF_ALIKE, False),
    Course("AR(1) 0.5, daily cycle", lambda rng, s: autoregressive(rng, s.size, 0.5)
           + cycle(s.size) + s, FALSE_IF_ALIKE, False),
    Course("outside the promise: AR(1) 0.8", lambda rng, s: autoregressive(rng, s.size, 0.8) + s,
           None, False),
)  # fmt: skip


def naive_change_points(values: Floats) -> list[int]:
    noise = np.diff(values).std() / math.sqrt(2)
    finder = ruptures.KernelCPD(kernel="linear", min_size=FEWEST_POINTS)
    cuts = finder.fit_predict((values / noise)[:, None], pen=PENALTY * math.log(values.size))
    return [int(cut) for cut in cuts[:-1]]


def false_changes(course: Course, n: int) -> tuple[int, int]:
    """Of n series without a change: those with one found, and those with one by the naive way."""
    rng, found, naive = np.random.default_rng(SEED), 0, 0
    for _ in range(n):
        values = course.draw(rng, np.zeros(HOURS))
        found += bool(change_points(values))
        naive += bool(naive_change_points(values))
    return found, naive


def located(course: Course, n: int) -> tuple[int, int]:
    """Of n series with one shift: those where it is located, and those with nothing beside it."""
    rng, hit, alone = np.random.default_rng(SEED + 1), 0, 0
    for _ in range(n):
        at = int(rng.integers(FEWEST_POINTS, HOURS - FEWEST_POINTS + 1))
        steps = rng.choice([-SHIFT, SHIFT]) * (np.arange(HOURS) >= at)
        found = change_points(course.draw(rng, steps))
        near = [abs(place - at) <= WITHIN for place in found]
        hit += any(near)
        alone += near == [True]
    return hit, alone


def false_table(n: int) -> tuple[str, bool]:
    rows, kept = [], True
    for course in COURSES:
        found, naive = false_changes(course, n)
        kept &= course.false is None or found / n <= course.false
        bar = "none" if course.false is None else f"{course.false:.0%}"
        shares = (f"{found / n:.1%}", f"{at_most(found, n):.1%}", bar, f"{naive / n:.0%}")
        rows.append((course.name, *shares))
    return table(("series", "false", "95 % limit", "bar", "naive false"), rows), kept


def located_table(n: int) -> tuple[str, bool]:
    rows, kept = [], True
    for course in COURSES:
        hit, alone = located(course, n)
        kept &= hit / n >= LOCATED or not course.located
        bar = f"{LOCATED:.0%}" if course.located else "none"
        rows.append((course.name, f"{hit / n:.1%}", bar, f"{alone / n:.1%}"))
    return table(("series", "located", "bar", "and nothing else"), rows), kept


def main(n: int = 1000) -> int:
    tables = {
        f"No change, {n} weeks of hours each": false_table(n),
        f"One shift of {SHIFT:g} standard deviations, {n} weeks each": located_table(n),
    }
    for title, (text, _) in tables.items():
        print(f"{title}\n\n{text}\n")
    return 0 if all(kept for _, kept in tables.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
