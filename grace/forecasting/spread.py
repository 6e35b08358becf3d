"""How far off forecasts were, and how far off the next may be.

The errors of the back-tests, each in units of the scale of its lead, are the distribution of the
next error: no model is believed for its own spread (conformal prediction: Vovk, Gammerman &
Shafer, "Algorithmic Learning in a Random World", 2005; for series Xu & Xie, "Conformal prediction
interval for dynamic time-series", ICML 2021). Errors of one series overlap and are few, so the
exact guarantee, which wants exchangeable ones, is not claimed; coverage is measured instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grace.forecasting.methods import WEEK, Floats

INSIDE = 0.8
_MOST_SAMPLES = 400
_SAME = 1e-9
_FEW = 2.0


@dataclass(frozen=True, eq=False)
class Spread:
    """Errors (actual less forecast) in units of their scale, sorted, and what the scale is.

    The square of the scale is growth[0] + growth[1] * k + growth[2] * k**2 at k days ahead, so
    that it can be told for leads longer than any that was tried.
    """

    scaled: Floats
    growth: Floats
    unit: float
    effective: float

    def scale(self, leads: Floats) -> Floats:
        """The mean absolute error at each lead, as the back-tests have it."""
        squares = self.growth @ np.vstack([np.ones_like(leads), leads, leads**2])
        return np.asarray(self.unit * np.sqrt(squares))

    def _reach(self, leads: Floats) -> Floats:
        """The scale, wider where it is itself told by few errors."""
        return self.scale(leads) * (1 + _FEW / self.effective)

    def interval(self, leads: Floats) -> tuple[Floats, Floats]:
        """How far below (not positive) and above (not negative) the forecast, for each lead."""
        tail = (1 - INSIDE) / 2
        # the quantile a new error stays within, given so many: (n + 1)(1 - tail) of n
        high_at = min((1 - tail) * (1 + 1 / self.effective), 1.0)
        low, high = np.quantile(self.scaled, [1 - high_at, high_at])
        reach = self._reach(leads)
        return min(low, 0.0) * reach, max(high, 0.0) * reach

    def beyond(self, distance: float, lead: float, widening: float, higher: bool) -> float:
        """P that the error at `lead` is at `distance` or beyond it, on the higher side or not.

        Errors exactly at `distance` count, so that a count or a rate that stays where it is keeps
        its chance of being met. Never 0 or 1: so few errors cannot tell.
        """
        reach = float(self._reach(np.array([lead]))[0]) * widening
        errors = self.scaled * reach
        met = errors >= distance - _SAME * reach if higher else errors <= distance + _SAME * reach
        return (float(met.mean()) * self.effective + 0.5) / (self.effective + 1)


def spread(errors: Floats, leads: Floats) -> Spread:
    """What the errors (days, leads) of back-tests tell, NaN where a day had no value."""
    there = ~np.isnan(errors)
    counts = there.sum(axis=0)
    used = counts > 0
    sizes = np.nansum(np.abs(errors[:, used]), axis=0) / counts[used]
    unit = float(sizes.max(initial=0.0))
    effective = float(counts[used].max(initial=1))
    if unit == 0:
        return Spread(np.zeros(1), np.zeros(3), 0.0, effective)
    growth = _growth(sizes / unit, leads[used], counts[used] / leads[used])
    found = Spread(np.zeros(1), growth, unit, effective)
    scaled = np.sort((errors / found.scale(leads))[there])
    if scaled.size > _MOST_SAMPLES:
        scaled = np.quantile(scaled, (np.arange(_MOST_SAMPLES) + 0.5) / _MOST_SAMPLES)
    return Spread(scaled, growth, unit, effective)


def _growth(sizes: Floats, leads: Floats, weights: Floats) -> Floats:
    """Squares of the sizes as a constant, a linear and a square part, none negative.

    A noise about a level has the first alone, a random walk the second, a wrong slope the third.
    """
    from scipy.optimize import nnls  # takes longer to import than a goal to forecast

    root = np.sqrt(weights)[:, None]
    # short leads cannot tell a curve from a line, and the curve runs away
    terms = np.vstack([np.ones_like(leads), leads, leads**2 * (leads[-1] >= 2 * WEEK)]).T
    # relative errors of the squares count, as the short leads are the surer ones
    scale = root / (sizes[:, None] ** 2 + 0.05)
    found, _ = nnls(terms * scale, (sizes**2 * scale[:, 0]))
    return np.asarray(found if found.any() else np.array([1.0, 0.0, 0.0]))
