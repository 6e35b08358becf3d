"""How often concurrent arms are wrong, and how soon right: `python -m benchmarks.arms`.

Each unit goes to an arm by a fair coin, and the arms are looked at every hour for 30 days. In the
first table the lever does nothing; the naive method is a two-sample z test at 5 % at each look,
for rates with every attempt as a unit. Then come a real drop, the time to *no_effect*, and the
whole chain from the evidence gate on. Exits with 1 where a promise does not hold.
"""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from benchmarks import at_most, table
from benchmarks.gate import BEGIN, HOUR, TASKS, WAIT
from benchmarks.switchback import autoregressive
from grace.statistics.arms import ArmsVerdict, Sums, judge_arms
from grace.statistics.betting import Floats
from grace.statistics.evidence import weigh

SEED = 20250101
LEVEL = 0.05
HOURS = 30 * 24
UNITS = 40  # an hour, both arms together
CHAIN_UNITS = 12
APPROVAL_HOURS = 24  # the answer comes within a day
CHUNK = 100  # experiments held in memory at once
WRONG: tuple[ArmsVerdict, ...] = ("improved", "regressed")
# The sequence is never narrower than 3.03 standard errors, so closer looks cannot have a verdict.
NARROWEST = 3.0
# ICC of the waits' hours, and mean wait: where hours differ little, only a bad mean is raised.
CHAINS = ((0.0, 2.4), (0.05, 2.4), (0.2, 2.0), (0.5, 2.0))


@dataclass(frozen=True)
class Metric:
    """`draw(rng, n)` gives (n, HOURS, UNITS) values; `tasks` attempts in each, 0 for no rate."""

    name: str
    draw: Callable[[np.random.Generator, int], Floats]
    tasks: int = 0
    share: float = 0.5  # of the treatment

    @property
    def span(self) -> float | None:
        return 1.0 if self.tasks else None


def rate(mean: float, icc: float, tasks: int = TASKS) -> Metric:
    """Success rates of runs of so many tasks, of which two are correlated by `icc`."""

    def draw(rng: np.random.Generator, n: int) -> Floats:
        chance: Floats | float = mean
        if icc:
            spread = 1 / icc - 1
            chance = rng.beta(mean * spread, (1 - mean) * spread, (n, HOURS, UNITS))
        return np.asarray(rng.binomial(tasks, chance, (n, HOURS, UNITS)) / tasks)

    runs = f"runs of {tasks} tasks, ICC {icc:g}" if tasks > 1 else "runs of one task"
    return Metric(f"rate {mean:.0%}, {runs}", draw, tasks)


def waits(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    icc: float,
    mean: float = WAIT.threshold,
    correlation: float = 0.9,
) -> Floats:
    """(streams, hours, units) lognormal seconds, sigma 1, of this mean over all.

    `icc` of the variance on the log scale is a state of the whole hour, the same for both arms,
    that wanders as an AR(1) of this correlation.
    """
    n, hours, units = shape
    state = autoregressive(rng, n, correlation, hours)[..., None] * math.sqrt(icc)
    own = rng.standard_normal((n, hours, units)) * math.sqrt(1 - icc)
    return np.asarray(np.exp(math.log(mean) - 0.5 + state + own))


def hourly_waits(icc: float) -> Metric:
    name = f"wait, lognormal sigma 1, ICC {icc:g} of an hour that wanders"
    return Metric(name, lambda rng, n: waits(rng, (n, HOURS, UNITS), icc))


METRICS = (
    *(rate(0.9, icc) for icc in (0, 0.05, 0.2, 0.5)),
    rate(0.9, 0, tasks=1),
    rate(0.99, 0, tasks=1),
    *(hourly_waits(icc) for icc in (0, 0.05, 0.2, 0.5)),
    Metric("wait, lognormal sigma 2", lambda rng, n: rng.lognormal(0, 2, (n, HOURS, UNITS))),
)
LOPSIDED = tuple(
    replace(metric, name=f"outside the promise: 20 % treated, {metric.name}", share=0.2)
    for metric in (rate(0.9, 0, tasks=1), rate(0.99, 0, tasks=1), hourly_waits(0))
)


def running(values: Floats, rng: np.random.Generator, share: float = 0.5) -> Floats:
    """(n, hours, 2, 3): at each look the units of either arm, their sum and sum of squares."""
    treated = rng.random(values.shape) < share
    arms = []
    for mine in (~treated, treated):
        kept = values * mine
        arms.append(np.stack([mine.sum(axis=2), kept.sum(axis=2), (kept**2).sum(axis=2)], axis=-1))
    return np.asarray(np.cumsum(np.stack(arms, axis=2), axis=1, dtype=np.float64))


def estimates(looks: Floats) -> tuple[Floats, Floats]:
    """The difference of the arms at each look and its standard error; nan in an empty arm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        n, mean = looks[..., 0], looks[..., 1] / looks[..., 0]
        variance = (looks[..., 2] / n - mean**2) / (n - 1)
    return mean[..., 1] - mean[..., 0], np.sqrt(np.maximum(variance.sum(axis=-1), 0))


def first_verdict(
    looks: Floats, smallest_effect: float = 0.0, span: float | None = None
) -> tuple[ArmsVerdict | None, int]:
    """The verdict of one experiment, (looks, 2, 3), and the hours to it; more is better."""
    gap, error = estimates(looks)
    near = (np.abs(gap) > NARROWEST * error) | (NARROWEST * error <= smallest_effect)
    for look in np.flatnonzero(near):
        control, treatment = (
            Sums(int(n), total / n, max(squares - total**2 / n, 0.0)) if n else Sums(0, 0.0, 0.0)
            for n, total, squares in looks[look].tolist()
        )
        verdict = judge_arms(
            control, treatment, better="higher", smallest_effect=smallest_effect, span=span
        ).verdict
        if verdict is not None:
            return verdict, int(look) + 1
    return None, len(looks)


def naive_wrong(looks: Floats, tasks: int = 0) -> npt.NDArray[np.bool_]:
    """Which experiments the naive method finds a difference in, at any look from 30 units on."""
    gap, error = estimates(looks)
    if tasks:
        n, mean = looks[..., 0], looks[..., 1] / np.maximum(looks[..., 0], 1)
        error = np.sqrt((mean * (1 - mean) / (tasks * np.maximum(n, 1))).sum(axis=-1))
    beyond = (np.abs(gap) > norm.ppf(0.975) * error) & (looks[..., 0].min(axis=-1) >= 30)
    return np.asarray(beyond.any(axis=1))


def without_effect(metric: Metric, n: int) -> tuple[int, int]:
    """Of n experiments: wrong verdicts, and those of the naive method."""
    rng, wrong, naive = np.random.default_rng(SEED), 0, 0
    for start in range(0, n, CHUNK):
        looks = running(metric.draw(rng, min(CHUNK, n - start)), rng, metric.share)
        wrong += sum(first_verdict(each, span=metric.span)[0] in WRONG for each in looks)
        naive += int(naive_wrong(looks, metric.tasks).sum())
    return wrong, naive


def successes(
    rng: np.random.Generator, n: int, rates: tuple[float, float], hours: int
) -> Iterator[Floats]:
    """n experiments, (hours, 2, 3), of runs of one task; the rates of control and treatment."""
    for _ in range(n):
        treated = rng.binomial(UNITS, 0.5, hours)
        units = np.stack([UNITS - treated, treated], axis=-1)
        good = rng.binomial(units, rates)
        yield np.cumsum(np.stack([units, good, good], axis=-1), axis=0, dtype=np.float64)


def with_rates(
    rates: tuple[float, float], smallest: float, n: int, days: int = 30
) -> tuple[list[ArmsVerdict | None], Floats]:
    """The verdicts of n experiments with these rates, and the hours to each, inf without one."""
    rng = np.random.default_rng(SEED)
    found = [first_verdict(each, smallest, 1.0) for each in successes(rng, n, rates, days * 24)]
    hours = [hour if verdict else math.inf for verdict, hour in found]
    return [verdict for verdict, _ in found], np.array(hours)


def raised_at(stream: Floats) -> tuple[int, int] | None:
    """The hours at which the window that raised a stream began, and of the look that raised it.

    `stream` is (hours, units) of waits; None where the gate never raises it.
    """
    units = stream.shape[1]
    times = [BEGIN + HOUR * unit / units for unit in range(stream.size)]
    evidence = weigh(times, stream.ravel(), WAIT, times[-1])
    if not (evidence.crossed and evidence.window):
        return None
    first, last = ((time - BEGIN) / HOUR for time in evidence.window)
    return math.floor(first), math.ceil(last)


def chain(icc: float, mean: float, n: int) -> tuple[int, int, int]:
    """Gate, approval, measurement, with no real effect: raised, wrong verdicts, naive ones."""
    rng = np.random.default_rng(SEED)
    raised = wrong = naive = 0
    for _ in range(n):
        stream = waits(rng, (1, 2 * HOURS + APPROVAL_HOURS + 1, CHAIN_UNITS), icc, mean)[0]
        if seen := raised_at(stream[:HOURS]):
            begin = seen[1] + int(rng.integers(APPROVAL_HOURS + 1))
            looks = running(stream[None, begin : begin + HOURS], rng)
            raised += 1
            wrong += first_verdict(looks[0])[0] in WRONG
            naive += int(naive_wrong(looks)[0])
    return raised, wrong, naive


def null_table(n: int) -> tuple[str, bool]:
    rows, kept = [], True
    for metric in (*METRICS, *LOPSIDED):
        wrong, naive = without_effect(metric, n)
        kept &= metric in LOPSIDED or wrong / n <= LEVEL
        shares = (f"{wrong / n:.2%}", f"{at_most(wrong, n):.2%}", f"{naive / n:.0%}")
        rows.append((metric.name, *shares))
    return table(("metric", "wrong verdicts", "95 % limit", "naive wrong"), rows), kept


def power_table(n: int) -> tuple[str, bool]:
    rows, kept = [], True
    for drop, bar in ((0.20, None), (0.10, 12), (0.05, None), (0.02, None)):
        verdicts, hours = with_rates((0.9, 0.9 - drop), 0.0, n)
        low, middle, high = np.percentile(hours, [10, 50, 90], method="higher")
        kept &= verdicts.count("improved") / n <= LEVEL and (bar is None or bool(middle <= bar))
        shares = [f"{verdicts.count(name) / n:.1%}" for name in WRONG]
        span = f"{low:g} to {high:g}"
        rows.append((f"{drop * 100:.0f} points", *shares, f"{middle:g}", span, str(bar or "none")))
    return table(("drop", *WRONG, "median hours", "middle 80 %", "bar"), rows), kept


def no_effect_table(n: int) -> tuple[str, bool]:
    """An effect just beyond the smallest that is passed over as none is an error, too."""
    rows, kept = [], True
    for smallest, days in ((0.01, 120), (0.02, 60), (0.05, 30)):
        for effect in (0.0, -1.001 * smallest):
            verdicts, hours = with_rates((0.9, 0.9 + effect), smallest, n, days)
            none = verdicts.count("no_effect") / n
            wrong = [name for name in WRONG if effect == 0 or name == "improved"]
            errors = sum(map(verdicts.count, wrong)) / n + (none if effect else 0.0)
            kept &= errors <= LEVEL
            middle = f"{np.median(hours) / 24:.1f}" if effect == 0 else ""
            sizes = (f"±{smallest * 100:g} points", f"{effect * 100:.3g} points")
            rows.append((*sizes, f"{none:.1%}", f"{errors:.2%}", middle, str(days)))
    heads = (
        "smallest effect",
        "effect",
        "no_effect",
        "wrong verdicts",
        "median days",
        "of at most",
    )
    return table(heads, rows), kept


def chain_table(n: int) -> tuple[str, bool]:
    rows, kept = [], True
    for icc, mean in CHAINS:
        raised, wrong, naive = chain(icc, mean, n)
        kept &= wrong / raised <= LEVEL
        shares = (f"{wrong / raised:.2%}", f"{at_most(wrong, raised):.2%}", f"{naive / raised:.0%}")
        rows.append((f"{icc:g}", f"{mean:g} s", str(raised), *shares))
    heads = ("ICC", "mean wait", "raised", "wrong verdicts", "95 % limit", "naive wrong")
    return table(heads, rows), kept


def main(n: int = 2000) -> int:
    tables: dict[str, Callable[[int], tuple[str, bool]]] = {
        "The whole chain without an effect": chain_table,
        "A rate of 90 % drops, 20 units an hour an arm": power_table,
        "A rate of 90 %, 20 units an hour an arm, until *no_effect*": no_effect_table,
        "No effect, hourly looks for 30 days": null_table,
    }
    all_kept = True
    for title, make in tables.items():
        text, kept = make(n)
        all_kept &= kept
        print(f"{title}, {n} each\n\n{text}\n", flush=True)
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main())
