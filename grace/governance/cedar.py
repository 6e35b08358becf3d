"""Rules written in Cedar, asked: forbid, ask or permit, in the words of the rules that decide.

Cedar skips a rule that cannot be evaluated; here it forbids, so that no error ever permits.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cedarpy import AuthzResult, PolicySet, Schema, is_authorized

from grace.governance.request import Action, Request
from grace.governance.terms import engine_terms

__all__ = ["Effect", "Part", "Rule", "Rules", "Ruling"]

ASKED = "no rule permits it, so a person decides"
FAILED = re.compile(r"error while evaluating policy `policy(\d+)`: (.*)", re.DOTALL)

Effect = Literal["permit", "forbid"]


@dataclass(frozen=True)
class Rule:
    """One rule as it stands in its file; `actions` are those that it can match."""

    effect: Effect
    reason: str
    actions: frozenset[str]
    path: Path
    line: int
    name: str | None = None

    @property
    def place(self) -> str:
        return f"{self.path.name}, line {self.line}"


@dataclass(frozen=True)
class Ruling:
    """`rules` are the places of those that decided; none where no rule names what was asked."""

    answer: Literal["forbid", "ask", "permit"]
    reason: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """The rules that can match one action, in the order in which Cedar numbers them."""

    policies: PolicySet
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Rules:
    """Every rule as it stands in its file, and those that can match an action."""

    stated: tuple[Rule, ...]
    about: Mapping[Action, Part]
    schema: Schema

    def rule(self, request: Request) -> Ruling:
        """Forbid, permit or ask, in the words of the rules that decided."""
        part = self.about[request.action]
        try:
            terms, entities = engine_terms(request)
            found = is_authorized(terms, part.policies, entities, self.schema)
        except (ValueError, OverflowError, RecursionError) as problem:
            return Ruling("forbid", f"it cannot be put to the policy: {_printable(str(problem))}")
        if found.diagnostics.errors:
            return _failed(min(found.diagnostics.errors), part)
        return _decided(found, part)


def _decided(found: AuthzResult, part: Part) -> Ruling:
    rules = [part.rules[number] for number in sorted(map(_number, found.diagnostics.reasons))]
    if not rules:
        return Ruling("ask", ASKED)
    reasons = "; ".join(dict.fromkeys(rule.reason for rule in rules))
    places = tuple(rule.place for rule in rules)
    return Ruling("permit" if found.allowed else "forbid", reasons, places)


def _failed(error: str, part: Part) -> Ruling:
    """What cannot be evaluated forbids: the rule might have done so."""
    named = FAILED.match(error)
    if named is None:
        return Ruling("forbid", f"it cannot be put to the policy: {_printable(error)}")
    place, said = part.rules[int(named[1])].place, _printable(named[2])
    return Ruling("forbid", f"the rule of {place} cannot be evaluated: {said}", (place,))


def _number(policy_id: str) -> int:
    return int(policy_id.removeprefix("policy"))


def _printable(text: str) -> str:
    """One line that can be stored: half a surrogate pair is shown as its number."""
    return " ".join(text.encode(errors="backslashreplace").decode().split())
