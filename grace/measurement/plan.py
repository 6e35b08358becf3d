"""The measurement plan: everything about it is fixed, and hashed, before the change is applied."""

from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from grace.measurement.metrics import MetricName

__all__ = ["Arm", "Plan"]

Arm = Literal["before", "after"]


class Plan(BaseModel):
    """A switchback: `order` holds pairs of blocks, each a fair coin's draw of the two arms.

    `subject` says of what the metric is taken: a limit as in *tag:NAME*, or an error pattern in a
    task as in *FINGERPRINT@TASK*. `floor_seconds` is the wait that no limit lowers, taken off
    every wait; `smallest_effect` is in the metric's unit. `block_seconds` is the least time from
    one switch to the next. *unmeasured* is what cannot be moved to and fro: it has no blocks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    design: Literal["switchback", "unmeasured"] = "switchback"
    metric: MetricName = "mean excess wait"
    better: Literal["lower", "higher"] = "lower"
    subject: str = Field(validation_alias=AliasChoices("subject", "limit"))
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
