"""How often a switchback is wrong, and how soon right: `python -m benchmarks.switchback`.

An experiment is up to 30 pairs of one-hour blocks with a unit a minute, judged after each pair. In
the first table the lever does nothing; the naive method tests after each pair, by a two-sample z
test at 5 % with every unit as one of its own. The last tables give the lever an effect, and follow
the whole chain from the evidence gate on. Exits with 1 where a promise does not hold.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.stats import norm

from benchmarks import at_most, table
from benchmarks.gate import BEGIN, HOUR, WAIT
from grace.statistics.betting import Floats
from grace.statistics.evidence import weigh
from grace.statistics.switchback import (
    Judgement,
    Verdict,
    confidence_sequence,
    draw_order,
    judge,
)

SEED = 20250101
LEVEL = 0.05
DAYS = 30
PAIRS = 30
UNITS = 60  # a block
CHUNK = 500  # experiments held in memory at once
EFFECTS = ((0, 0), (0, 1), (0, 2), (0.5, 0), (1, 0), (2, 0), (0.51, 0.5), (1.01, 1))
WRONG = ("improved", "regressed")


@dataclass(frozen=True)
class Metric:
    """`draw(rng, n)` gives n series of PAIRS * 2 * UNITS values that no lever moves."""

    name: str
    draw: Callable[[np.random.Generator, int], Floats]


def autoregressive(rng: np.random.Generator, n: int, correlation: float, steps: int) -> Floats:
    """(n, steps) of a stationary AR(1) with variance 1, running on across the blocks."""
    noise = rng.standard_normal((n, steps)) * math.sqrt(1 - correlation**2)
    noise[:, 0] /= math.sqrt(1 - correlation**2)
    return np.asarray(lfilter([1.0], [1.0, -correlation], noise, axis=1))


def autocorrelated(correlation: float) -> Metric:
    return Metric(
        f"AR(1) {correlation:g} a unit",
        lambda rng, n: autoregressive(rng, n, correlation, PAIRS * 2 * UNITS),
    )


def shifted(name: str, shape: Callable[[Floats], Floats]) -> Metric:
    """Independent noise of variance 1 on a course of the expected value over the hours."""
    hours = np.arange(PAIRS * 2 * UNITS) / UNITS
    return Metric(name, lambda rng, n: rng.standard_normal((n, hours.size)) + shape(hours))


def blocks_correlated(rng: np.random.Generator, n: int) -> Floats:
    """AR(1) 0.95 from block to block, so that whole hours are alike, with noise within."""
    hours = autoregressive(rng, n, 0.95, PAIRS * 2)
    return np.repeat(hours, UNITS, axis=1) + rng.standard_normal((n, PAIRS * 2 * UNITS))


METRICS = (
    shifted("independent", np.zeros_like),
    autocorrelated(0.5),
    autocorrelated(0.95),
    autocorrelated(0.99),
    Metric("AR(1) 0.95 a block", blocks_correlated),
    shifted("daily cycle", lambda hours: 2 * np.sin(2 * np.pi * hours / 24)),
    shifted("trend of 0.1 sd an hour", lambda hours: 0.1 * hours),
    shifted("each second hour is worse", lambda hours: np.floor(hours) % 2),
    Metric("lognormal, sigma 2", lambda rng, n: rng.lognormal(0, 2, (n, PAIRS * 2 * UNITS))),
)


def blocks(series: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The units under "before" and those under "after", each (n, PAIRS, units), order drawn."""
    pairs = series.reshape(len(series), PAIRS, 2, -1)
    orders = [draw_order(PAIRS, rng) for _ in pairs]
    after_first = np.array([[pair[0] == "after" for pair in order] for order in orders])
    swapped = np.where(after_first[..., None, None], pairs[:, :, ::-1], pairs)
    return swapped[:, :, 0], swapped[:, :, 1]


def differences(before: Floats, after: Floats) -> Floats:
    return np.asarray(after.mean(axis=2) - before.mean(axis=2))


def naive_verdicts(before: Floats, after: Floats) -> npt.NDArray[np.bool_]:
    """Which experiments the naive method finds a difference in, at any look."""
    units = UNITS * np.arange(1, PAIRS + 1)
    means = [np.cumsum(arm.sum(axis=2), axis=1) / units for arm in (before, after)]
    squares = [np.cumsum((arm**2).sum(axis=2), axis=1) / units for arm in (before, after)]
    variance = sum((square - mean**2) for square, mean in zip(squares, means, strict=True))
    z = (means[1] - means[0]) / np.sqrt(variance / units)
    return np.asarray((np.abs(z) > norm.ppf(0.975)).any(axis=1))


def judged(row: Floats, smallest_effect: float = 0.0) -> Judgement:
    return judge(row.tolist(), smallest_effect=smallest_effect, better="lower", max_pairs=PAIRS)


def missed(row: Floats, effect: float) -> bool:
    """Whether any of the confidence sequence's intervals leaves the true effect out."""
    return any(not low <= effect <= high for low, high in confidence_sequence(row.tolist()))


def without_effect(metric: Metric, n: int) -> tuple[int, int, int]:
    """Of n experiments: wrong verdicts, those of the naive method, sequences that miss zero."""
    rng, wrong, naive, misses = np.random.default_rng(SEED), 0, 0, 0
    for start in range(0, n, CHUNK):
        before, after = blocks(metric.draw(rng, min(CHUNK, n - start)), rng)
        rows = differences(before, after)
        wrong += sum(judged(row).verdict in WRONG for row in rows)
        misses += sum(missed(row, 0.0) for row in rows)
        naive += int(naive_verdicts(before, after).sum())
    return wrong, naive, misses


def with_effect(effect: float, smallest: float, n: int) -> tuple[Counter[str], float]:
    """Verdicts, and the median pairs until them; unit: the sd of a normal pair difference."""
    rows = np.random.default_rng(SEED).standard_normal((n, PAIRS)) + effect
    found = [judged(row, smallest) for row in rows]
    verdicts = Counter(str(judgement.verdict) for judgement in found)
    return verdicts, float(np.median([judgement.pairs for judgement in found]))


def chain(icc: float, n: int) -> tuple[int, int, int]:
    """Gate, approval, measurement, with no real effect: raised, wrong verdicts, naive ones.

    Lognormal waits of twelve runs an hour; `icc` of their variance on the log scale is a state of
    the whole hour that wanders as AR(1) 0.9. The gate raises a stream when it is at its worst, so
    that what follows is better whatever one does: the naive method tests the day before the raise
    against the day after.
    """
    rng, runs = np.random.default_rng(SEED), 12
    times = [BEGIN + HOUR * unit / runs for unit in range(DAYS * 24 * runs)]
    raised = wrong = naive = 0
    for _ in range(n):
        state = autoregressive(rng, 1, 0.9, DAYS * 24 + 2 * PAIRS)[0] * math.sqrt(icc)
        own = rng.standard_normal((state.size, runs)) * math.sqrt(1 - icc)
        waits = np.exp(math.log(WAIT.threshold) - 0.5 + state[:, None] + own)
        evidence = weigh(times, waits[: DAYS * 24].ravel(), WAIT, times[-1])
        if evidence.crossed and evidence.window:
            look = math.ceil((evidence.window[1] - BEGIN) / HOUR)
            before, after = blocks(waits[None, look : look + 2 * PAIRS], rng)
            raised += 1
            wrong += judged(differences(before, after)[0]).verdict in WRONG
            naive += _differ(waits[max(0, look - 24) : look], waits[look : look + 24])
    return raised, wrong, naive


def _differ(first: Floats, second: Floats) -> bool:
    error = math.sqrt(first.var() / first.size + second.var() / second.size)
    return bool(abs(first.mean() - second.mean()) > norm.ppf(0.975) * error)


def null_table(n: int) -> tuple[str, bool]:
    rows, kept = [], True
    for metric in METRICS:
        wrong, naive, misses = without_effect(metric, n)
        kept &= max(wrong, misses) / n <= LEVEL
        shares = (f"{wrong / n:.2%}", f"{at_most(wrong, n):.2%}", f"{1 - misses / n:.2%}")
        rows.append((metric.name, *shares, f"{naive / n:.0%}"))
    heads = ("metric", "wrong verdicts", "95 % limit", "interval holds", "naive wrong")
    return table(heads, rows), kept


def effect_table(n: int) -> tuple[str, bool]:
    """The effect is bad, so *improved* is the wrong direction; *no_effect* is wrong beyond it."""
    rows, kept = [], True
    for effect, smallest in EFFECTS:
        verdicts, pairs = with_effect(effect, smallest, n)
        wrong = ["improved"] + ["no_effect"] * (effect > smallest) + ["regressed"] * (effect == 0)
        kept &= all(verdicts[name] / n <= LEVEL for name in wrong)
        shares = [f"{verdicts[name] / n:.1%}" for name in get_args(Verdict)]
        rows.append((f"{effect:g}", f"{smallest:g}", *shares, f"{pairs:g}"))
    heads = ("effect", "smallest effect", *get_args(Verdict), "median pairs")
    return table(heads, rows), kept


def chain_table(n: int) -> tuple[str, bool]:
    rows, kept = [], True
    for icc in (0.2, 0.5):
        raised, wrong, naive = chain(icc, n)
        kept &= wrong / raised <= LEVEL
        shares = (f"{wrong / raised:.2%}", f"{at_most(wrong, raised):.2%}", f"{naive / raised:.0%}")
        rows.append((f"{icc:g}", str(raised), *shares))
    return table(("ICC", "raised", "wrong verdicts", "95 % limit", "naive wrong"), rows), kept


def main(n: int = 4000) -> int:
    tables = {
        f"No effect, {n} experiments each": null_table(n),
        f"A constant effect, in sd of a pair's difference, {n} experiments each": effect_table(n),
        f"The whole chain without an effect, {n} streams each": chain_table(n),
    }
    for title, (text, _) in tables.items():
        print(f"{title}\n\n{text}\n")
    return 0 if all(kept for _, kept in tables.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
