"""The measurement plan: everything about it is fixed, and hashed, before the change is applied."""

from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from grace.assignment import Arm
from grace.measurement.metrics import MetricName

__all__ = ["Arm", "Experiment", "Guardrail", "Plan"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Guardrail(BaseModel):
    """What the treatment must not do, whatever the metric says: its mean stays below `bound`.

    *execution time* is in seconds, *failure share* between 0 and 1, both of flow runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Literal["execution time", "failure share"]
    bound: Positive

    @model_validator(mode="after")
    def _share_below_one(self) -> "Guardrail":
        if self.of == "failure share" and self.bound >= 1:
            raise ValueError("a share that must not be passed lies below 1")
        return self


class Experiment(BaseModel):
    """Arms side by side: units are assigned by `grace.assign(id, unit, share=share)`.

    Units that queued within `settle_seconds` of the start are left out: until then processes may
    still go by what they read before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1)]
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    look_seconds: Positive
    longest_seconds: Positive
    settle_seconds: Annotated[float, Field(ge=0)] = 0.0
    guardrails: tuple[Guardrail, ...] = ()


class Plan(BaseModel):
    """Of *arms* (units assigned to one side each, at the same time), *switchback* or *unmeasured*.

    A switchback's `order` holds pairs of blocks, each a fair coin's draw of the two arms, and
    `block_seconds` is the least time from one switch to the next. `experiment` is there with arms
    alone. *unmeasured* is what cannot be moved to and fro: it has neither.

    `subject` says of what the metric is taken: a limit as in *tag:NAME*, or an error pattern in a
    task as in *FINGERPRINT@TASK*. `floor_seconds` is the wait that no limit lowers, taken off
    every wait; `smallest_effect` is in the metric's unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    design: Literal["arms", "switchback", "unmeasured"] = "switchback"
    metric: MetricName = "mean excess wait"
    better: Literal["lower", "higher"] = "lower"
    subject: str = Field(min_length=1, validation_alias=AliasChoices("subject", "limit"))
    floor_seconds: float = 0.0
    smallest_effect: float
    block_seconds: float = 0.0
    order: tuple[tuple[Arm, Arm], ...] = ()
    level: float = 0.05
    on_no_effect: Literal["keep", "undo"] = "undo"
    experiment: Experiment | None = None

    @model_validator(mode="after")
    def _arms_have_an_experiment(self) -> "Plan":
        if (self.design == "arms") != (self.experiment is not None):
            raise ValueError("arms, and they alone, have an experiment")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that the content of a plan without arms hashes as it always did."""
        content: dict[str, Any] = write(self)
        if self.experiment is None:
            del content["experiment"]
        return content

    @property
    def arms(self) -> tuple[Arm, ...]:
        """One arm a block, in the order in which they run."""
        return tuple(arm for pair in self.order for arm in pair)

    @property
    def trial(self) -> Experiment:
        """Raises ValueError for a plan without arms."""
        if self.experiment is None:
            raise ValueError(f"a plan by {self.design} has no arms side by side")
        return self.experiment
