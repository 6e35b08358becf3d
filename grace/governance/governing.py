"""The numbers and the people of governance: a small TOML file, every mistake told by its line."""

import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from grace.errors import BadInput
from grace.governance.learning import Learning
from grace.governance.optimizing import Optimizing
from grace.governance.retaining import Retaining
from grace.governance.risk import RiskWeights, Tier
from grace.governance.webhooks import Webhook, WebhookName
from grace.identity.statement import Assurance

__all__ = ["Earning", "Governing", "Measuring", "Needed", "read_governing"]

# TOML can say true, nan and inf, and none of them is a number that a rule can go by.
Whole: TypeAlias = Annotated[int, Field(strict=True)]
Number: TypeAlias = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

SAID = {"extra_forbidden": "there is no such key", "missing": "is missing"}
RULES = frozenset({"forbid", "permit", "bounds"})
HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]")
KEY = re.compile(r"\s*([\w.\"'-]+)\s*=")

Place: TypeAlias = tuple[int | str, ...]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measuring(Frozen):
    """Fixed into each plan before it starts. `effect_share` is of the mean that was seen.

    Arms side by side last at most `longest_days`; a switchback that could have no verdict by then
    gives way to before/after, where there are days before. Treated runs that take on average more
    than `guardrail_factor` times as long as was seen end either.
    """

    pairs: Whole = Field(default=30, ge=7, le=1000)
    least_block_seconds: Number = Field(default=60, ge=1)
    effect_share: Number = Field(default=0.1, gt=0, lt=1)
    longest_days: Number = Field(default=30, gt=0, le=365)
    guardrail_factor: Number = Field(default=5, gt=1)
    on_no_effect: Literal["keep", "undo"] = "undo"


class Needed(Frozen):
    """How surely it must be known who answers a proposal of each tier."""

    low: Assurance = "declared"
    medium: Assurance = "declared"
    high: Assurance = "declared"

    def of(self, tier: Tier) -> Assurance:
        needed: Assurance = getattr(self, tier)
        return needed


class Earning(Frozen):
    """When a type of decision has earned to be permitted; the words are statuses and outcomes.

    `success_rate` must be surely (95 %) passed, by at least so many decisions that were executed.
    """

    executions: Whole = Field(default=30, ge=5)
    success_rate: Number = Field(default=0.9, ge=0.5, lt=1)
    waited: tuple[Words, ...] = Field(
        default=(
            "asked",
            "waiting",
            "awaiting approval",
            "waiting for approval",
            "pending approval",
            "needs approval",
            "approval required",
            "approval expired",
            "expired",
        ),
        min_length=1,
    )
    succeeded: tuple[Words, ...] = Field(
        default=("success", "succeeded", "successful", "ok", "completed", "resolved"), min_length=1
    )

    @model_validator(mode="after")
    def _mean_one_thing(self) -> "Earning":
        if both := set(self.waited) & set(self.succeeded):
            raise ValueError(f"{', '.join(sorted(both))} cannot mean both waited and succeeded")
        return self


class Governing(Frozen):
    """Who may answer, how often what may happen, how it is measured and weighed."""

    reviewers: tuple[Words, ...] = Field(default=("operator",), min_length=1)
    assurance: Needed = Needed()
    changes_a_day: Whole = Field(default=20, ge=0)
    open_proposals: Whole = Field(default=5, ge=1)
    deadline_hours: Number = Field(default=72, gt=0, le=24 * 365)
    rest_days: Number = Field(default=7, ge=0, le=365)
    measuring: Measuring = Measuring()
    earning: Earning = Earning()
    risk: RiskWeights = RiskWeights()
    learning: Learning = Learning()
    optimizer: Optimizing = Optimizing()
    retention: Retaining = Retaining()
    webhooks: dict[WebhookName, Webhook] = Field(default_factory=dict)

    @property
    def deadline(self) -> timedelta:
        return timedelta(hours=self.deadline_hours)

    @property
    def rest(self) -> timedelta:
        return timedelta(days=self.rest_days)


def read_governing(path: Path, text: str) -> Governing:
    """Raises BadInput naming file, line and what is wrong."""
    try:
        return Governing.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as problem:
        raise BadInput(f"{path}: {problem}") from None
    except RecursionError:
        raise BadInput(f"{path}: it is nested too deep") from None
    except ValidationError as problem:
        raise BadInput(f"{path}: {_first(problem, text)}") from None


def _first(problem: ValidationError, text: str) -> str:
    """The first thing wrong, with the line on which it, or else its table, stands."""
    error = problem.errors()[0]
    place = error["loc"]
    lines = dict(_places(text))
    while place and place not in lines:
        place = place[:-1]
    where = f"line {lines[place]}, " if place else ""
    name = ".".join(str(part) for part in error["loc"] if isinstance(part, str))
    said = SAID.get(error["type"], error["msg"].removeprefix("Value error, "))
    if RULES.intersection(error["loc"][:1]):
        said = "rules stand in policy.cedar"
    return f"{where}{name}: {said}"


def _places(text: str) -> Iterator[tuple[Place, int]]:
    """Each table and key of a TOML text, as pydantic names its place, with its line."""
    table: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            table = (*header[1].strip().split("."),)
            yield table, number
        elif key := KEY.match(line):
            yield (*table, *key[1].split(".")), number
