"""Sample-ratio check: do the arms hold as many units as the assignment planned?

If each unit goes to the treatment with the planned share, the likelihood of the counts under any
other share, relative to that under the planned one, is a martingale, and so is its mixture over a
Beta distribution about the plan. The chance that it ever reaches 1 / level is at most the level
(Lindon & Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022; Ville 1939),
however often one looks. A mismatch means that units were lost or assigned otherwise than planned,
and then no comparison of the arms is worth anything.
"""

from __future__ import annotations

import math
from statistics import fmean

LEVEL = 0.001
# Weights of the mixture, in units: few find an arm without units at once, many a share that is some
# points off. The mean of two martingales is one.
CONCENTRATIONS = (2.0, 100.0)


def evidence(n_control: int, n_treatment: int, share: float = 0.5) -> float:
    """E-value of the counts against the planned share of the treatment.

    Raises ValueError for negative counts and a share that is not within 0 to 1.
    """
    if not (min(n_control, n_treatment) >= 0 and 0 < share < 1):
        raise ValueError("counts must be from 0, the share within 0 to 1")
    log_planned = n_treatment * math.log(share) + n_control * math.log1p(-share)
    return fmean(
        math.exp(min(_log_mixture(n_control, n_treatment, share, units) - log_planned, 700.0))
        for units in CONCENTRATIONS
    )


def mismatch(n_control: int, n_treatment: int, share: float = 0.5) -> bool:
    """Whether the counts refute the planned share of the treatment, at 0.1 % over all looks."""
    return evidence(n_control, n_treatment, share) >= 1 / LEVEL


def _log_mixture(n_control: int, n_treatment: int, share: float, units: float) -> float:
    """The log likelihood of a course of these counts, mixed over a Beta about the share."""
    treated, others = share * units, (1 - share) * units
    return _log_beta(treated + n_treatment, others + n_control) - _log_beta(treated, others)


def _log_beta(first: float, second: float) -> float:
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)
