"""Which method: chosen on the earlier back-tests, and it must hold on the later ones.

Errors of each lead are in units of the naive method's at that lead (so 1 is naive), as the mean
absolute scaled error of Hyndman & Koehler ("Another look at measures of forecast accuracy", Int. J.
Forecasting 22:4, 2006) does for one step. Rolling origins: Tashman, "Out-of-sample tests of
forecasting accuracy", ibid. 16:4, 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grace.forecasting.methods import WEEK, Floats, Method, methods

MOST_DAYS = 120
EARLIER = 2 / 3
MARGIN = 0.05
_LEADS = (1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 42, 56, 84)
_FIRST = 3


@dataclass(frozen=True)
class Choice:
    """The method, and its errors (actual less forecast) by day of the forecast and by lead."""

    method: Method
    errors: Floats
    leads: Floats


def choose(values: Floats, horizon: int) -> Choice:
    """Try all on the past of a daily series (NaN is a gap; first and last are none)."""
    tried = list(methods(values))
    errors, days, leads = back_tests(values, horizon, tried)
    best = _best(errors, days, leads)
    return Choice(tried[best], errors[best], leads)


def back_tests(
    values: Floats, horizon: int, tried: Sequence[Method]
) -> tuple[Floats, npt.NDArray[np.intp], Floats]:
    """Errors by method, day of the forecast and lead, NaN where nothing came; the days; the leads.

    Leads go up to the horizon or half the series, days back to its first third or 120.
    """
    leads = _leads(values.size, horizon)
    first = max(_FIRST, min(2 * WEEK, values.size // 3), values.size - 1 - MOST_DAYS)
    days = np.arange(first, values.size - 1)
    days = days[~np.isnan(values[days])]
    actual = _later(values, days, leads)
    return np.stack([actual - method.at(days, leads) for method in tried]), days, leads


def _leads(size: int, horizon: int) -> Floats:
    longest = max(1, min(horizon, size // 2 - 1))
    return np.array(sorted({k for k in _LEADS if k < longest} | {longest}), dtype=float)


def _later(values: Floats, days: npt.NDArray[np.intp], leads: Floats) -> Floats:
    """The values so many days after each of `days`: (days, leads), NaN beyond the last."""
    longer = np.append(values, np.full(int(leads[-1]), np.nan))
    return np.asarray(longer[days[:, None] + leads.astype(np.intp)])


def _best(errors: Floats, days: npt.NDArray[np.intp], leads: Floats) -> int:
    """The place of the method with the smallest loss; 0, the naive one, unless clearly beaten."""
    if days.size < 2 * WEEK:
        return 0
    border = np.quantile(days, EARLIER)
    # what was known by the border, and forecasts made after it: no day is in both
    earlier = _losses(errors, days[:, None] + leads <= border)
    later = _losses(errors, np.repeat(days[:, None] > border, leads.size, axis=1))
    best = int(np.argmin(earlier))
    return best if earlier[best] < 1 - MARGIN and later[best] < 1 else 0


def _losses(errors: Floats, mask: npt.NDArray[np.bool_]) -> Floats:
    """For each method, its mean absolute error over that of the first, averaged over leads."""
    sizes = np.where(mask & ~np.isnan(errors), np.abs(errors), 0.0).sum(axis=1)
    used = sizes[0] > 0
    if not used.any():
        return np.ones(len(errors))
    return np.asarray((sizes[:, used] / sizes[0, used]).mean(axis=1))
