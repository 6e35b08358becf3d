"""Daily series of ten shapes, drawn from a seed, and some that others measured."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from grace.forecasting.methods import Floats

WARM_UP = 200


def autoregressive(rng: np.random.Generator, days: int, correlation: float) -> Floats:
    """A stationary AR(1) with variance 1."""
    noise = rng.standard_normal(days + WARM_UP) * np.sqrt(1 - correlation**2)
    return np.asarray(lfilter([1.0], [1.0, -correlation], noise)[WARM_UP:])


def trend(rng: np.random.Generator, days: int) -> Floats:
    a_day = rng.choice([-1, 1]) * rng.uniform(0.01, 0.06)
    return np.asarray(10 + a_day * np.arange(days) + rng.standard_normal(days))


def weekly(rng: np.random.Generator, days: int) -> Floats:
    """Weekends are 1.5 to 4.5 lower."""
    weekend = np.arange(days) % 7 > 4
    return 10 - 3 * rng.uniform(0.5, 1.5) * weekend + rng.standard_normal(days)


def shift(rng: np.random.Generator, days: int) -> Floats:
    """Three standard deviations up or down, once, on any day but the first and last six."""
    later = np.arange(days) > rng.integers(6, days - 6)
    return 10 + rng.choice([-3, 3]) * later + rng.standard_normal(days)


def rate(rng: np.random.Generator, days: int) -> Floats:
    """Of 60 a day, with a chance that wanders about 90 %."""
    chance = np.clip(0.9 + 0.05 * autoregressive(rng, days, 0.9), 0, 1)
    return rng.binomial(60, chance) / 60


def lognormal(rng: np.random.Generator, days: int) -> Floats:
    state = 0.5 * autoregressive(rng, days, 0.9)
    return np.exp(0.6 * rng.standard_normal(days) + state)


def outliers(rng: np.random.Generator, days: int) -> Floats:
    return 10 + rng.standard_normal(days) + 8 * (rng.random(days) < 0.04)


SHAPES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "level and noise": lambda rng, days: 10 + rng.standard_normal(days),
    "trend": trend,
    "weekly cycle": weekly,
    "AR(1) 0.8": lambda rng, days: 10 + autoregressive(rng, days, 0.8),
    "random walk": lambda rng, days: 10 + np.cumsum(0.3 * rng.standard_normal(days)),
    "random walk and noise": lambda rng, days: (
        10 + np.cumsum(0.2 * rng.standard_normal(days)) + rng.standard_normal(days)
    ),
    "shift": shift,
    "rate": rate,
    "lognormal": lognormal,
    "outliers": outliers,
}


def published() -> Iterator[tuple[str, Floats]]:
    """Series that statsmodels carries, an observation counted as a day; the last 250 of each.

    Their own cycles (months, weeks of a year, eleven years) are none of weekdays.
    """
    from statsmodels.datasets import co2, elnino, macrodata, nile, sunspots

    yield "flow of the Nile, years", nile.load_pandas().data["volume"].to_numpy(float)
    spots = sunspots.load_pandas().data["SUNACTIVITY"]
    yield "sunspots, years", spots.to_numpy(float)[-250:]
    yield "CO2, weeks", co2.load_pandas().data["co2"].to_numpy(float)[-250:]
    months = elnino.load_pandas().data.iloc[:, 1:].to_numpy(float).ravel()
    yield "sea surface temperature, months", months[-250:]
    quarters = macrodata.load_pandas().data
    for name in ("unemp", "infl", "tbilrate"):
        yield f"US {name}, quarters", quarters[name].to_numpy(float)


def daily(values: Floats) -> "pd.Series[float]":
    """The series as the forecast wants it: one UTC day a value."""
    days = pd.date_range("2025-01-01", periods=len(values), freq="D", tz="UTC")
    return pd.Series(values, index=days)
