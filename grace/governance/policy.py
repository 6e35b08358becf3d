"""The policy: what is forbidden, what is permitted without asking, who may answer the rest.

A plain TOML file. Forbid wins over permit, and what no rule names is asked.
"""

import hashlib
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grace.errors import BadInput
from grace.governance.change import Change
from grace.governance.risk import RiskWeights
from grace.settings import Settings

__all__ = ["DEFAULT", "Policy", "Ruling", "load_policy"]

DEFAULT = Path(__file__).parent.parent / "default_policy.toml"

Purpose = Literal["change", "inverse"]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Frozen):
    """Names a change by shell patterns; every pattern given must match."""

    purpose: Purpose = "change"
    lever: str = "*"
    target: str = "*"
    reason: str = Field(min_length=1)

    def names(self, purpose: Purpose, change: Change) -> bool:
        patterns = ((self.lever, change.lever), (self.target, change.target))
        return purpose == self.purpose and all(
            fnmatchcase(text, pattern) for pattern, text in patterns
        )


class Bounds(Frozen):
    """Guardrails for numbers: outside of these a change is forbidden, whoever proposes it."""

    least: int = Field(default=1, ge=0)
    most: int = Field(default=1000, ge=1)
    step_factor: float = Field(default=4.0, ge=1)


class Measuring(Frozen):
    """Fixed into each plan before it starts. `effect_share` is of the mean that was seen."""

    pairs: int = Field(default=30, ge=7, le=1000)
    least_block_seconds: float = Field(default=60, ge=1)
    effect_share: float = Field(default=0.1, gt=0, lt=1)
    on_no_effect: Literal["keep", "undo"] = "undo"


class Ruling(Frozen):
    answer: Literal["forbid", "ask", "permit"]
    reason: str


class Policy(Frozen):
    reviewers: tuple[str, ...] = Field(min_length=1)
    changes_a_day: int = Field(default=20, ge=0)
    open_proposals: int = Field(default=5, ge=1)
    deadline_hours: float = Field(default=72, gt=0)
    rest_days: float = Field(default=7, ge=0)
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
            yield from self._out_of_bounds(change)

    def _out_of_bounds(self, change: Change) -> Iterator[str]:
        before, after, bounds = change.before, change.after, self.bounds
        if not isinstance(after, int | float):
            return
        if not bounds.least <= after <= bounds.most:
            yield f"{after} is outside the bounds {bounds.least} to {bounds.most}"
        if isinstance(before, int | float) and after > before * bounds.step_factor:
            yield f"{before} to {after} is more than {bounds.step_factor:g} times at one step"


def load_policy(settings: Settings) -> Policy:
    """The policy in force. Raises BadInput naming file, line and what is wrong."""
    path = settings.policy_file or settings.log_dir / "policy.toml"
    if settings.policy_file is None and not path.exists():
        path = DEFAULT
    try:
        text = path.read_text(encoding="utf-8")
        parsed = tomllib.loads(text)
        policy = Policy.model_validate({**parsed, "digest": _digest(text)})
    except OSError as problem:
        raise BadInput(f"policy {path}: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadInput(f"policy {path}: {problem}") from None
    except ValidationError as problem:
        raise BadInput(f"policy {path}: {_first(problem, text)}") from None
    return policy


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _first(problem: ValidationError, text: str) -> str:
    """The first thing wrong, with the line on which its name stands."""
    error = problem.errors()[0]
    names = [str(part) for part in error["loc"] if not isinstance(part, int)]
    lines = text.splitlines()
    found = (
        n for n, line in enumerate(lines, 1) if names and line.lstrip(" [").startswith(names[-1])
    )
    line = next(found, None)
    where = f"line {line}, " if line else ""
    return f"{where}{'.'.join(names)}: {error['msg']}"
