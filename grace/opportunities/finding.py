"""What one cycle found about one target, and why it did or did not propose."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Finding", "Standing"]

Standing = Literal[
    "proposed",
    "would propose",
    "open",
    "quiet",
    "watching",
    "resting",
    "held back",
    "forbidden",
    "failed",
]


class Finding(BaseModel):
    """`reason` is a sentence for people; `missing` counts the units still needed."""

    model_config = ConfigDict(frozen=True)

    target: str
    kind: str
    standing: Standing
    reason: str
    metric: str = "mean excess wait"
    n: int = 0
    mean: float | None = None
    e_value: float | None = None
    needed: float | None = None
    missing: int | None = None
    proposal_id: str | None = None
