"""Which of many streams may be raised together: e-BH.

Wang & Ramdas, "False discovery rate control with e-values", JRSS B 84:3, 2022. With each stream's
e-value as of now (`Evidence.stream_e_value`), the expected share of wrongly selected streams is at
most the rate, whatever the streams have to do with each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def select(e_values: Sequence[float], rate: float = 0.10) -> tuple[bool, ...]:
    """For each stream, whether it is among the k with e-values of at least n / (k * rate).

    k is the largest number for which there are k such streams out of n.
    """
    values = np.asarray(e_values, dtype=np.float64)
    descending = np.sort(values)[::-1]
    bars = values.size / (rate * np.arange(1, values.size + 1))
    reached = np.flatnonzero(descending >= bars)
    lowest = descending[reached[-1]] if reached.size else np.inf
    return tuple(bool(value >= lowest) for value in values)
