"""What the best possible test can tell of a goal's metric in three days: `benchmarks.goal_limits`.

A share is measured each day on so many attempts, hovers at 90 %, and moves by 5 points. Of all
tests that look at three days, the likelihood ratio of the two shares finds the move most often at a
given rate of false alarms (Neyman & Pearson, Phil. Trans. A 231, 1933). It is looked at each day;
its bar is set so that 5 % of hovering months of 30 days have an alarm on that side. The level is
either known exactly, which nobody can do better, or taken from the 43 days before, as
`grace.goals` has it in `benchmarks.goals`. `python -m benchmarks.goal_limits`, five CPU seconds.
"""

import sys
from collections.abc import Iterator

import numpy as np

from benchmarks import table
from grace.statistics.betting import Floats

__all__ = ["found_within_three_days"]

SEED = 20260102
LEVEL, SHIFT, DAYS, WITHIN = 0.90, 0.05, 30, 3
KNOWN_DAYS = 43
FALSE_MONTHS = 0.05
MONTHS = 20_000


def found_within_three_days(
    rng: np.random.Generator, attempts: int, way: int, *, exact: bool, months: int = MONTHS
) -> float:
    """The share of shifts found, where 5 % of hovering months have a false alarm."""
    alarms = _most(rng, attempts, way, exact, rng.binomial(attempts, LEVEL, (months, DAYS)))
    bar = np.quantile(alarms, 1 - FALSE_MONTHS)
    moved = rng.binomial(attempts, LEVEL + way * SHIFT, (months, WITHIN))
    before = rng.binomial(attempts, LEVEL, (months, WITHIN - 1))
    found = _most(rng, attempts, way, exact, np.hstack([before, moved]))
    return float(np.mean(found >= bar))


def _most(
    rng: np.random.Generator, attempts: int, way: int, exact: bool, hits: "np.ndarray"
) -> Floats:
    """Of each month the highest log likelihood ratio over three days."""
    known = attempts * KNOWN_DAYS
    level = np.full(len(hits), LEVEL) if exact else rng.binomial(known, LEVEL, len(hits)) / known
    level = level[:, None]
    other = np.clip(level + way * SHIFT, 1e-6, 1 - 1e-6)
    misses = attempts - hits
    says = hits * np.log(other / level) + misses * np.log((1 - other) / (1 - level))
    sums = np.cumsum(np.pad(says, ((0, 0), (1, 0))), axis=1)
    return np.asarray((sums[:, WITHIN:] - sums[:, :-WITHIN]).max(axis=1), dtype=np.float64)


def _rows(rng: np.random.Generator) -> Iterator[tuple[str, ...]]:
    for attempts in (400, 300, 200):
        for way in (-1, 1):
            found = (
                found_within_three_days(rng, attempts, way, exact=exact) for exact in (True, False)
            )
            yield (str(attempts), f"{100 * way * SHIFT:+.0f} points", *(f"{x:.1%}" for x in found))


def main() -> int:
    heads = ("attempts a day", "shift", "level known exactly", f"level from {KNOWN_DAYS} days")
    print(table(heads, list(_rows(np.random.default_rng(SEED)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
