"""Which units of work belong to which block, and what each pair of blocks differs by.

A unit, one flow run, counts where it ran wholly under one arm: queued after the block began and
after everything queued earlier was done, and completed before the block ended.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from grace.measurement.plan import Arm
from grace.statistics.switchback import difference

__all__ = ["Block", "Unit", "paired", "units_in", "values_in"]


@dataclass(frozen=True)
class Unit:
    """`completed` is None while it still runs; `value` is in the metric's unit (seconds).

    It is NaN for a unit that came to none: one that failed has no execution time.

    What arms and guardrails need besides: `id` is what is assigned, `seconds` how long it ran, and
    `failed` is 1 where it failed, else 0. None is *not known*.
    """

    queued: datetime
    completed: datetime | None
    value: float
    id: str | None = None
    seconds: float | None = None
    failed: float | None = None


@dataclass(frozen=True)
class Block:
    number: int
    arm: Arm
    start: datetime
    end: datetime


def values_in(block: Block, units: Sequence[Unit]) -> list[float]:
    """The values of the units wholly in the block; none where its backlog never drained."""
    return [unit.value for unit in units_in(block, units) if not math.isnan(unit.value)]


def units_in(block: Block, units: Sequence[Unit]) -> list[Unit]:
    """The units wholly in the block; none where its backlog never drained."""
    earlier = [unit for unit in units if unit.queued < block.start]
    if any(unit.completed is None or unit.completed > block.end for unit in earlier):
        return []
    drained = max((unit.completed for unit in earlier if unit.completed), default=block.start)
    begin = max(block.start, drained)
    return [
        unit
        for unit in units
        if unit.queued >= begin and unit.completed is not None and unit.completed <= block.end
    ]


def paired(first: Block, second: Block, units: Sequence[Unit]) -> float | None:
    """Mean under *after* less mean under *before*; None where a block has no unit."""
    by_arm = {block.arm: values_in(block, units) for block in (first, second)}
    return difference(by_arm["before"], by_arm["after"])
