"""The measurement plan: everything about it is fixed, and hashed, before the change is applied."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Arm", "Plan"]

Arm = Literal["before", "after"]


class Plan(BaseModel):
    """A switchback: `order` holds pairs of blocks, each a fair coin's draw of the two arms.

    `floor_seconds` is the wait that no limit lowers, taken off every wait; `smallest_effect` is in
    the metric's unit (seconds). `block_seconds` is the least time from one switch to the next.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    design: Literal["switchback"] = "switchback"
    metric: Literal["mean excess wait", "mean execution time"] = "mean excess wait"
    better: Literal["lower", "higher"] = "lower"
    limit: str
    floor_seconds: float
    smallest_effect: float
    block_seconds: float
    order: tuple[tuple[Arm, Arm], ...]
    level: float = 0.05
    on_no_effect: Literal["keep", "undo"] = "undo"

    @property
    def arms(self) -> tuple[Arm, ...]:
        """One arm a block, in the order in which they run."""
        return tuple(arm for pair in self.order for arm in pair)
