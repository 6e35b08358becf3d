"""How often before/after is wrong by chance: `python -m benchmarks.before_after`.

The whole chain, gate, approval and measurement, with a lever that does nothing: waits of twelve
runs an hour, of which the hour explains half of the variance (log scale) and wanders as an AR(1).
The baseline is the 14 days that end where the data begin that raised the stream. The naive method
is a two-sample z test at 5 % with every run as a unit, of the 14 days before the answer against the
days since, at day 7 and at day 14. Then the lever shortens every wait. Exits with 1 where a promise
does not hold.
"""

import sys
from collections import Counter

import numpy as np
from scipy.stats import norm

from benchmarks import at_most, table
from benchmarks.arms import APPROVAL_HOURS, CHAIN_UNITS, HOURS, SEED, WRONG, raised_at, waits
from grace.statistics.before_after import DAYS_BEFORE, LOOKS, DaysJudgement, judge_days
from grace.statistics.betting import Floats

LEVEL = 0.10
ICC = 0.5
DAY = 24
BASELINE = DAYS_BEFORE * DAY
AFTER = LOOKS[-1] * DAY
# Correlation from hour to hour, mean wait, and whether the promise names it. Where hours are not
# alike only a bad mean is raised; where they are, a mean on the threshold is raised at its worst.
CELLS = (
    (0.0, 2.4, True),
    (0.5, 2.4, True),
    (0.9, 2.4, True),
    (0.9, 2.0, True),
    (0.98, 2.4, False),
    (0.98, 2.0, False),
)


def days(hours: Floats) -> list[float | None]:
    """Daily means of whole days of hours of units."""
    return list(hours.reshape(-1, DAY * hours.shape[1]).mean(axis=1))


def judged(before: Floats, after: Floats) -> DaysJudgement:
    return judge_days(days(before), days(after), better="lower", smallest_effect=0.0, level=LEVEL)


def naive_wrong(before: Floats, after: Floats) -> bool:
    """Whether the naive method finds a difference at either look."""
    return any(_differ(before, after[: look * DAY]) for look in LOOKS)


def _differ(first: Floats, second: Floats) -> bool:
    error = np.sqrt(first.var() / first.size + second.var() / second.size)
    return bool(abs(first.mean() - second.mean()) > norm.ppf(0.975) * error)


def chain(correlation: float, mean: float, n: int, factor: float = 1.0) -> tuple[Counter[str], int]:
    """The verdicts of up to n streams that were raised, and how often the naive method was wrong.

    The lever multiplies each wait from the answer on by `factor`; streams that the gate does not
    raise within its 30 days have no verdict.
    """
    rng, verdicts, naive = np.random.default_rng(SEED), Counter[str](), 0
    hours = BASELINE + HOURS + APPROVAL_HOURS + AFTER + 1
    for _ in range(n):
        stream = waits(rng, (1, hours, CHAIN_UNITS), ICC, mean, correlation)[0]
        answer = int(rng.integers(APPROVAL_HOURS + 1))
        if seen := raised_at(stream[BASELINE : BASELINE + HOURS]):
            first, apply = seen[0] + BASELINE, seen[1] + BASELINE + answer
            after = stream[apply : apply + AFTER] * factor
            verdicts[str(judged(stream[first - BASELINE : first], after).verdict)] += 1
            naive += naive_wrong(stream[apply - BASELINE : apply], after)
    return verdicts, naive


def null_table(n: int) -> tuple[str, bool]:
    rows, kept = [], True
    for correlation, mean, promised in CELLS:
        verdicts, naive = chain(correlation, mean, n)
        raised, wrong = verdicts.total(), sum(verdicts[name] for name in WRONG)
        kept &= not promised or wrong / raised <= LEVEL
        name = f"{correlation:g}" if promised else f"outside the promise: {correlation:g}"
        shares = (f"{wrong / raised:.2%}", f"{at_most(wrong, raised):.2%}", f"{naive / raised:.0%}")
        rows.append((name, f"{mean:g} s", str(raised), *shares))
    heads = ("AR(1) an hour", "mean wait", "raised", "wrong verdicts", "95 % limit", "naive wrong")
    return table(heads, rows), kept


def power_table(n: int) -> str:
    rows = []
    for correlation, mean in ((0.5, 2.4), (0.9, 2.4), (0.98, 2.4)):
        for factor in (0.8, 0.5):
            verdicts, _ = chain(correlation, mean, n, factor)
            raised = verdicts.total()
            shares = [f"{verdicts[name] / raised:.1%}" for name in (*WRONG, "insufficient_data")]
            rows.append((f"{correlation:g}", f"{factor - 1:+.0%}", *shares))
    return table(("AR(1) an hour", "effect", *WRONG, "insufficient_data"), rows)


def main(n: int = 2000) -> int:
    null, kept = null_table(n)
    print(f"The whole chain without an effect, {n} streams each\n\n{null}\n", flush=True)
    print(f"Waits that become shorter, {n // 4} streams each\n\n{power_table(n // 4)}\n")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
