"""The measurement plan: everything about it is fixed, and hashed, before the change is applied."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from grace.assignment import Arm
from grace.measurement.metrics import MetricName
from grace.statistics.before_after import DAYS_BEFORE

__all__ = ["Arm", "Days", "Experiment", "Guardrail", "Plan", "guardrail"]

# arms that differ more in size are promised no rate of error
LEAST_SHARE, MOST_SHARE = 0.3, 0.7

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Guardrail(BaseModel):
    """What the treatment must not do, whatever the metric says: its mean stays below `bound`.

    *execution time* is in seconds, *failure share* between 0 and 1, both of flow runs. `hard_limit`
    is for breakdowns: ten runs in a row beyond it end it without any proof.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Literal["execution time", "failure share"]
    bound: Positive
    hard_limit: Positive | None = None

    @model_validator(mode="after")
    def _within(self) -> "Guardrail":
        if self.of == "failure share" and max(self.bound, self.hard_limit or 0.0) >= 1:
            raise ValueError("a share that must not be passed lies below 1")
        if self.hard_limit is not None and self.hard_limit < self.bound:
            raise ValueError("a hard limit does not lie below the bound")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        return _without(content, "hard_limit")


def guardrail(of: str, bound: float) -> Guardrail:
    """With a hard limit at twice the time, or half way from the share to all runs failing."""
    hard_limit = (1 + bound) / 2 if of == "failure share" else 2 * bound
    return Guardrail.model_validate({"of": of, "bound": bound, "hard_limit": hard_limit})


class Experiment(BaseModel):
    """Arms side by side: units are assigned by `grace.assign(id, unit, share=share)`.

    Units that queued within `settle_seconds` of the start are left out: until then processes may
    still go by what they read before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1)]
    share: Annotated[float, Field(ge=LEAST_SHARE, le=MOST_SHARE)] = 0.5
    look_seconds: Positive
    longest_seconds: Positive
    settle_seconds: Annotated[float, Field(ge=0)] = 0.0
    guardrails: tuple[Guardrail, ...] = ()


class Days(BaseModel):
    """Before/after: 14 days from `baseline_from` on against the days after the change.

    Nothing that raised the proposal lies in those 14 days, and `with_data` of them had runs when
    the plan was drawn up. `look_seconds` is from one look at the guardrails to the next.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    baseline_from: AwareDatetime
    with_data: Annotated[int, Field(ge=0, le=DAYS_BEFORE)]
    look_seconds: Positive
    guardrails: tuple[Guardrail, ...] = ()

    @property
    def baseline_to(self) -> datetime:
        return self.baseline_from + timedelta(days=DAYS_BEFORE)


class Plan(BaseModel):
    """Of *arms* (units assigned to one side each, at the same time), *switchback*, *before_after*
    or *unmeasured*.

    A switchback's `order` holds pairs of blocks, each a fair coin's draw of the two arms, and
    `block_seconds` is the least time from one switch to the next; `guardrails` are looked at when
    a block ends. `experiment` is there with arms
    alone, `days` with before/after alone, which is weak evidence. *unmeasured* is what can be
    judged by none: it has nothing. `why` says of the last two why nothing better was possible.

    `subject` says of what the metric is taken: a limit as in *tag:NAME*, or an error pattern in a
    task as in *FINGERPRINT@TASK*. `floor_seconds` is the wait that no limit lowers, taken off
    every wait; `smallest_effect` is in the metric's unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    design: Literal["arms", "switchback", "before_after", "unmeasured"] = "switchback"
    metric: MetricName = "mean excess wait"
    better: Literal["lower", "higher"] = "lower"
    subject: str = Field(min_length=1, validation_alias=AliasChoices("subject", "limit"))
    floor_seconds: float = 0.0
    smallest_effect: float
    block_seconds: float = 0.0
    order: tuple[tuple[Arm, Arm], ...] = ()
    level: float = 0.05
    on_no_effect: Literal["keep", "undo"] = "undo"
    guardrails: tuple[Guardrail, ...] = ()
    experiment: Experiment | None = None
    days: Days | None = None
    why: str | None = None

    @model_validator(mode="after")
    def _has_its_design(self) -> "Plan":
        if (self.design == "arms") != (self.experiment is not None):
            raise ValueError("arms, and they alone, have an experiment")
        if (self.design == "before_after") != (self.days is not None):
            raise ValueError("before/after, and it alone, has days")
        if self.guardrails and self.design != "switchback":
            raise ValueError("guardrails stand here for a switchback, and it alone")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that the content of a plan without them hashes as it always did."""
        content: dict[str, Any] = write(self)
        if not self.guardrails:
            del content["guardrails"]
        return _without(content, "experiment", "days", "why")

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

    @property
    def by_days(self) -> Days:
        """Raises ValueError for a plan that does not compare before and after."""
        if self.days is None:
            raise ValueError(f"a plan by {self.design} has no days before and after")
        return self.days


def _without(content: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: each for key, each in content.items() if key not in names or each is not None}
