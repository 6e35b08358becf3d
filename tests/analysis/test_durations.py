"""Quantiles with limits that hold for what hangs together."""

import numpy as np
import pandas as pd
import pytest

from grace.analysis.durations import Quantile, quantile
from grace.analysis.tally import EMPTY, Tally
from grace.analysis.tallying import tallies


def tally(values: list[float], units: list[int]) -> Tally:
    rows = pd.DataFrame({"hour": 0, "unit": units})
    return tallies(rows, "wait", pd.Series(values, dtype="float64"), sketched=True)[0]["wait", ""]


@pytest.mark.parametrize(("share", "reach"), [(0.5, 1.5), (0.95, 5.0)])
def test_the_limits_cover_and_end(share: float, reach: float) -> None:
    """Null: lognormal waits, sigma 1 between 100 units and 0.3 within, ten in each, 500 windows.

    So many units give an upper limit each time; half of them lie within `reach` times the truth.
    """
    rng = np.random.default_rng(5)
    own, within = rng.normal(0, 1, (500, 100, 1)), rng.normal(0, 0.3, (500, 100, 10))
    true = float(np.exp(np.sqrt(1.09) * {0.5: 0.0, 0.95: 1.6448536}[share]))
    units = np.repeat(np.arange(100), 10).tolist()
    covered, highs = 0, []
    for values in np.exp(own + within).reshape(500, -1):
        interval = quantile(tally(values.tolist(), units), share).interval
        assert interval is not None
        assert interval[1] is not None
        covered += interval[0] <= true <= interval[1]
        highs.append(interval[1])
    assert covered / 500 >= 0.93
    assert np.median(highs) < reach * true


def test_few_units_give_no_upper_limit() -> None:
    """A hundred waits of ten flow runs do not tell what the longest in a hundred runs may be."""
    found = quantile(tally([float(n) for n in range(1, 101)], [n % 10 for n in range(100)]), 0.99)
    assert found.value == pytest.approx(99, rel=0.01)
    assert found.interval is not None
    assert found.interval[0] > 50
    assert found.interval[1] is None


def test_one_unit_gives_no_limits() -> None:
    """However many waits it holds."""
    found = quantile(tally([1.0, 2.0, 3.0, 4.0, 5.0], [1] * 5), 0.5)
    assert found == Quantile(value=found.value, interval=None)
    assert found.value == pytest.approx(3, rel=0.01)


def test_nothing_gives_nothing() -> None:
    """A tally without values has no quantile."""
    assert quantile(EMPTY, 0.5) == Quantile(value=None, interval=None)
