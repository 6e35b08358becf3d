"""How good forecasts of daily series are, and how sure: `python -m benchmarks.forecast`.

50 series of ten shapes. Each is forecast every day for two months, as goals are, with the earlier
forecasts handed back; 20 of those days, three apart, are judged by what came afterwards, which no
forecast saw. Two naive methods stand beside: the last value with the textbook's interval (1.28
standard deviations of a day's step, growing with the root of the days ahead), and the last value
with the quantiles of its own past errors. P(met) is judged on goals of which the deadline is more
than 7 days away. Exits with 1 where a promise does not hold.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import process_time

import numpy as np
import pandas as pd

from benchmarks import table
from benchmarks._daily import SHAPES, daily, published
from grace.forecasting import Forecast, forecast
from grace.forecasting.folds import back_tests
from grace.forecasting.methods import Floats, methods
from grace.forecasting.spread import spread

SEED = 20250101
COURSES = ((40, 14), (60, 30), (90, 30), (120, 14), (180, 45))  # days before the first, horizon
SHORT = ((8, 7), (8, 30), (14, 14), (20, 60), (27, 30))
ORIGINS = 20
APART = 3
INSIDE = (0.75, 0.85)
Z_80 = 1.2816
GOALS = 2000
RESAMPLES = 2000


@dataclass(frozen=True)
class Told:
    """Value, low and high for each lead, as one method told them on one day."""

    value: Floats
    low: Floats
    high: Floats

    def inside(self, came: Floats) -> Floats:
        return np.asarray((self.low <= came) & (came <= self.high), dtype=float)

    def score(self, came: Floats) -> Floats:
        """Interval score at 80 % (Gneiting & Raftery, JASA 102, 2007, section 6.2)."""
        beyond = np.maximum(self.low - came, 0) + np.maximum(came - self.high, 0)
        return np.asarray(self.high - self.low + 2 / 0.2 * beyond)


def ours(found: Forecast) -> Told:
    steps = np.array([(step.value, step.low, step.high) for step in found.path])
    return Told(*steps.T)


def textbook(past: Floats, horizon: int) -> Told:
    """The last value, and what a random walk with the steps seen so far would do."""
    value = np.repeat(past[-1], horizon)
    room = Z_80 * np.diff(past).std() * np.sqrt(np.arange(1, horizon + 1))
    return Told(value, value - room, value + room)


def naive(past: Floats, horizon: int) -> Told:
    """The last value, with the quantiles of its own past errors."""
    (errors,), _, leads = back_tests(past, horizon, [next(methods(past))])
    low, high = spread(errors, leads).interval(np.arange(1.0, horizon + 1))
    value = np.repeat(past[-1], horizon)
    return Told(value, value + low, value + high)


def judged(values: Floats, start: int, horizon: int, origins: int = ORIGINS) -> pd.DataFrame:
    """A row for each judged day: means over leads for us and the two naive methods."""
    kept, rows, series = [], [], daily(values)
    for day in range(start, start + (origins - 1) * APART + 1):
        found = forecast(series.iloc[:day], horizon, origins=kept)
        assert found is not None
        kept.append(found.origin)
        if (day - start) % APART == 0:
            past, came = values[:day], values[day : day + horizon]
            row = {"method": found.method}
            told = {"ours": ours(found), "naive": naive(past, horizon)}
            for name, each in {**told, "textbook": textbook(past, horizon)}.items():
                row[f"{name} error"] = np.abs(each.value - came).mean()
                row[f"{name} inside"] = each.inside(came).mean()
                row[f"{name} at the end"] = each.inside(came)[-1]
                row[f"{name} score"] = each.score(came).mean()
            rows.append(row)
    return pd.DataFrame(rows)


def drawn(
    seed: int, courses: Sequence[tuple[int, int]] = COURSES, origins: int = ORIGINS
) -> Iterator[pd.DataFrame]:
    """The judged days of a series of each shape in each course."""
    for course, (start, horizon) in enumerate(courses):
        rng = np.random.default_rng([seed, course])
        for shape, draw in SHAPES.items():
            found = judged(draw(rng, start + origins * APART + horizon), start, horizon, origins)
            yield found.assign(shape=shape, series=f"{shape} {course}")


def published_days() -> Iterator[pd.DataFrame]:
    for name, values in published():
        horizon = 14
        start = len(values) - horizon - ORIGINS * APART
        if start >= 26:
            yield judged(values, start, horizon).assign(shape=name, series=name)


def ratios(days: pd.DataFrame, other: str, what: str) -> "pd.Series[float]":
    """For each series, our mean over that of another method."""
    means = days.groupby("series")[[f"ours {what}", f"{other} {what}"]].mean()
    return means[f"ours {what}"] / means[f"{other} {what}"]


def geometric(values: "pd.Series[float]") -> float:
    return float(np.exp(np.log(values).mean()))


def days_table(days: pd.DataFrame) -> str:
    rows = []
    for shape, part in [*days.groupby("shape", sort=False), ("all", days)]:
        error = ratios(part, "naive", "error")
        inside = [f"{part[f'{name} inside'].mean():.1%}" for name in ("ours", "naive", "textbook")]
        rows.append(
            (
                str(shape),
                *inside,
                f"{part['ours at the end'].mean():.1%}",
                f"{geometric(error):.2f}",
                f"{(error > 1.05).sum()} of {len(error)}",
                f"{geometric(ratios(part, 'naive', 'score')):.2f}",
                f"{geometric(ratios(part, 'textbook', 'score')):.2f}",
                f"{(part['method'] == 'last value').mean():.0%}",
            )
        )
    heads = (
        "shape",
        "inside 80 %",
        "naive inside",
        "textbook inside",
        "inside, at the horizon",
        "error / naive",
        "series worse by 5 %",
        "interval score / naive",
        "/ textbook",
        "naive used",
    )
    return table(heads, rows)


def kept(days: pd.DataFrame) -> bool:
    error = ratios(days, "naive", "error")
    inside = INSIDE[0] <= days["ours inside"].mean() <= INSIDE[1]
    scores = all(geometric(ratios(days, name, "score")) <= 1 for name in ("naive", "textbook"))
    return bool(inside and scores and geometric(error) <= 1 and (error > 1.05).mean() <= 0.1)


def goals(seed: int, n: int) -> pd.DataFrame:
    """Goals of one look each: P(met), whether it was met, and whether it was beyond already.

    28 to 150 days of a series of any shape, a deadline 8 to 60 days ahead, and a target some
    standard deviations from the mean of the last week: on either side for half of the goals, on
    the far side for the other half, as where something is to get better.
    """
    rng, rows, names = np.random.default_rng([seed, 99]), [], list(SHAPES)
    for number in range(n):
        days, horizon = int(rng.integers(28, 151)), int(rng.integers(8, 61))
        values = SHAPES[names[number % len(names)]](rng, days + horizon)
        higher, ahead = bool(rng.integers(2)), bool(rng.integers(2))
        side, past = 1 if higher else -1, values[:days]
        away = rng.standard_normal()
        target = past[-7:].mean() + past.std() * (side * abs(away) if ahead else away)
        found = forecast(daily(past), horizon)
        assert found is not None
        p = found.p_beyond(target, "higher" if higher else "lower")
        met, beyond = side * values[-1] >= side * target, side * past[-1] >= side * target
        rows.append((p, float(met), float(beyond)))
    return pd.DataFrame(rows, columns=["p", "met", "beyond"])


def skills(told: pd.DataFrame, resamples: int = RESAMPLES) -> dict[str, tuple[float, float]]:
    """Brier skill above the running base rate and above *already beyond*, with its 2.5 % bound."""
    met = told["met"].to_numpy()
    running = (np.cumsum(met) - met + 0.5) / (np.arange(len(met)) + 1)
    others = {"running base rate": running, "already beyond": told["beyond"].to_numpy()}
    own = (told["p"].to_numpy() - met) ** 2
    picks = np.random.default_rng(SEED).integers(len(met), size=(resamples, len(met)))
    found = {}
    for name, other in others.items():
        theirs = (other - met) ** 2
        skill = 1 - own[picks].mean(axis=1) / theirs[picks].mean(axis=1)
        found[name] = 1 - own.mean() / theirs.mean(), float(np.quantile(skill, 0.025))
    return found


def goals_table(told: pd.DataFrame) -> str:
    rows = [(name, f"{skill:.3f}", f"{low:.3f}") for name, (skill, low) in skills(told).items()]
    return table(("Brier skill above", "skill", "97.5 % certain above"), rows)


def calibration_table(told: pd.DataFrame) -> str:
    bands = pd.cut(told["p"], [0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1])
    rows = [
        (f"{band.left:.0%} to {band.right:.0%}", f"{part['p'].mean():.0%}",
         f"{part['met'].mean():.0%}", str(len(part)))
        for band, part in told.groupby(bands, observed=True)
    ]  # fmt: skip
    return table(("P(met) told", "mean", "met", "goals"), rows)


def short_table(seed: int, n: int = 40) -> str:
    """Series of less than four weeks, once each: whether the horizon's value was inside."""
    rows = []
    for days, horizon in SHORT:
        rng, inside = np.random.default_rng([seed, days, horizon]), []
        for shape in list(SHAPES) * n:
            values = SHAPES[shape](rng, days + horizon)
            found = forecast(daily(values[:days]), horizon)
            assert found is not None
            inside.append(found.low <= values[-1] <= found.high)
        rows.append((str(days), str(horizon), f"{np.mean(inside):.1%}", str(len(inside))))
    return table(("days", "horizon", "inside 80 %", "series"), rows)


def seconds(goals: int = 200, days: int = 180) -> float:
    """CPU seconds of a day's forecasts for so many goals, with 120 earlier ones each."""
    series = daily(SHAPES["random walk and noise"](np.random.default_rng(SEED), days))
    kept = [forecast(series.iloc[:day], 45) for day in range(60, days)]
    origins = [found.origin for found in kept if found]
    begin = process_time()
    for _ in range(goals):
        forecast(series, 45, origins=origins)
    return process_time() - begin


def main() -> int:
    days, told = pd.concat(drawn(SEED)), goals(SEED, GOALS)
    print(f"50 series, {ORIGINS} days each, leads 1 to 14, 30 or 45\n\n{days_table(days)}\n")
    print(f"Published series, not promised\n\n{days_table(pd.concat(published_days()))}\n")
    print(f"Short series, not promised\n\n{short_table(SEED)}\n")
    print(f"P(met), {GOALS} goals, {told['met'].mean():.0%} met\n\n{goals_table(told)}\n")
    print(f"{calibration_table(told)}\n")
    print(f"200 goals, 120 earlier forecasts each: {seconds():.1f} CPU seconds")
    return 0 if kept(days) and all(low > 0 for _, low in skills(told).values()) else 1


if __name__ == "__main__":
    sys.exit(main())
