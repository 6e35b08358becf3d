"""The policy: what is forbidden, what is permitted without asking, who may answer the rest.

A plain TOML file. Forbid wins over permit, and what no rule names is asked.
"""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeGuard

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from grace.errors import BadInput
from grace.governance.change import Change
from grace.governance.risk import RiskWeights
from grace.settings import Settings

__all__ = ["DEFAULT", "Policy", "Ruling", "load_policy"]

DEFAULT = Path(__file__).parent.parent / "default_policy.toml"

Purpose = Literal["change", "inverse"]

# TOML can say true, nan and inf, and none of them is a number that a rule can go by.
Whole: TypeAlias = Annotated[int, Field(strict=True)]
Number: TypeAlias = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

SAID = {"extra_forbidden": "there is no such key", "missing": "is missing"}
HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]")
KEY = re.compile(r"\s*([\w.\"'-]+)\s*=")

Place: TypeAlias = tuple[int | str, ...]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Frozen):
    """Names a change by shell patterns; every pattern given must match."""

    purpose: Purpose = "change"
    lever: str = "*"
    target: str = "*"
    reason: Words

    def names(self, purpose: Purpose, change: Change) -> bool:
        patterns = ((self.lever, change.lever), (self.target, change.target))
        return purpose == self.purpose and all(
            fnmatchcase(text, pattern) for pattern, text in patterns
        )


class Bounds(Frozen):
    """Guardrails for numbers: outside of these a change is forbidden, whoever proposes it."""

    least: Whole = Field(default=1, ge=0)
    most: Whole = Field(default=1000, ge=1)
    step_factor: Number = Field(default=4.0, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Bounds":
        if self.least > self.most:
            raise ValueError(f"least {self.least} is above most {self.most}")
        return self

    def refusals(self, before: JsonValue, after: JsonValue) -> Iterator[str]:
        """Why a step from one value to the next goes too far; values of other kinds may take it."""
        if not _is_number(after):
            if _is_number(before):
                yield f"{before} to {after} takes a number out of its bounds"
            return
        if not self.least <= after <= self.most:
            yield f"{after} is outside the bounds {self.least} to {self.most}"
        if _is_number(before) and after > before * self.step_factor:
            yield f"{before} to {after} is more than {self.step_factor:g} times at one step"


class Measuring(Frozen):
    """Fixed into each plan before it starts. `effect_share` is of the mean that was seen."""

    pairs: Whole = Field(default=30, ge=7, le=1000)
    least_block_seconds: Number = Field(default=60, ge=1)
    effect_share: Number = Field(default=0.1, gt=0, lt=1)
    on_no_effect: Literal["keep", "undo"] = "undo"


class Ruling(Frozen):
    answer: Literal["forbid", "ask", "permit"]
    reason: str


class Policy(Frozen):
    reviewers: tuple[Words, ...] = Field(min_length=1)
    changes_a_day: Whole = Field(default=20, ge=0)
    open_proposals: Whole = Field(default=5, ge=1)
    deadline_hours: Number = Field(default=72, gt=0, le=24 * 365)
    rest_days: Number = Field(default=7, ge=0, le=365)
    forbid: tuple[Rule, ...] = ()
    permit: tuple[Rule, ...] = ()
    bounds: Bounds = Bounds()
    measuring: Measuring = Measuring()
    risk: RiskWeights = RiskWeights()
    digest: str = ""

    @property
    def deadline(self) -> timedelta:
        return timedelta(hours=self.deadline_hours)

    @property
    def rest(self) -> timedelta:
        return timedelta(days=self.rest_days)

    def rule(self, change: Change, purpose: Purpose = "change") -> Ruling:
        """Forbid, permit or ask, with the rule's own words."""
        for reason in self._refusals(change, purpose):
            return Ruling(answer="forbid", reason=reason)
        for rule in self.permit:
            if rule.names(purpose, change):
                return Ruling(answer="permit", reason=rule.reason)
        return Ruling(answer="ask", reason="no rule permits it, so a person decides")

    def _refusals(self, change: Change, purpose: Purpose) -> Iterator[str]:
        yield from (rule.reason for rule in self.forbid if rule.names(purpose, change))
        if purpose == "change":
            yield from self.bounds.refusals(change.before, change.after)


def _is_number(value: JsonValue) -> TypeGuard[int | float]:
    """A truth value is none, though Python counts it among the integers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def load_policy(settings: Settings) -> Policy:
    """The policy in force. Raises BadInput naming file, line and what is wrong."""
    path = settings.policy_file or settings.log_dir / "policy.toml"
    if settings.policy_file is None and not path.exists():
        path = DEFAULT
    try:
        content = path.read_bytes()
        parsed = tomllib.loads(text := content.decode())
        digest = hashlib.sha256(content).hexdigest()
        policy = Policy.model_validate({**parsed, "digest": digest})
    except OSError as problem:
        raise BadInput(f"policy {path}: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadInput(f"policy {path}: {problem}") from None
    except ValidationError as problem:
        raise BadInput(f"policy {path}: {_first(problem, text)}") from None
    return policy


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
    return f"{where}{name}: {said}"


def _places(text: str) -> Iterator[tuple[Place, int]]:
    """Each table and key of a TOML text, as pydantic names its place, with its line."""
    table: Place = ()
    seen: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            name = header[2].strip()
            table = (*name.split("."), seen[name]) if header[1] == "[[" else (*name.split("."),)
            seen[name] += 1
            yield table, number
        elif key := KEY.match(line):
            yield (*table, *key[1].split(".")), number
