"""From when on the performance optimizer speaks up, what it aims at, and what it looks at.

A threshold is held against the evidence gate, so it must lie beyond its target.
"""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Optimizing"]

Number: TypeAlias = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
Share: TypeAlias = Annotated[float, Field(gt=0, lt=1, strict=True, allow_inf_nan=False)]
Whole: TypeAlias = Annotated[int, Field(strict=True)]


class Optimizing(BaseModel):
    """Times in seconds. Causes are looked for in the last `window_hours`, from `fewest_runs` on.

    `own_pool` is the work pool in which Grace runs itself: no limit of it is ever proposed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    execution_seconds: Number = 5.0
    execution_target: Number = 3.0
    wait_seconds: Number = 2.0
    wait_target: Number = 1.0
    task_success: Share = 0.95
    events_an_hour: Number = 10.0
    events_target: Number = 20.0
    window_hours: Annotated[Number, Field(le=720)] = 1.0
    fewest_runs: Annotated[Whole, Field(ge=3)] = 5
    own_pool: str = "grace"

    @model_validator(mode="after")
    def _in_order(self) -> "Optimizing":
        for least, most in (
            ("execution_target", "execution_seconds"),
            ("wait_target", "wait_seconds"),
            ("events_an_hour", "events_target"),
        ):
            low, high = getattr(self, least), getattr(self, most)
            if low >= high:
                raise ValueError(f"{least} {low:g} is not below {most} {high:g}")
        return self
