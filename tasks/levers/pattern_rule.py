"""The rule of one error pattern: what a task does when it fails so. Target: `pattern:FINGERPRINT`.

It is kept in the log of `GRACE_*`, where `grace.patterns.match` and `grace.prefect.retry_by_rule`
read it.
"""

from datetime import UTC, datetime
from typing import Literal

from pydantic import JsonValue, ValidationError

from grace.errors import BadInput
from grace.patterns.library import Library
from grace.patterns.rules import Rule, rule_of, set_rule
from grace.settings import Settings
from grace.store import Store, open_store

__all__ = ["PatternRule"]


class PatternRule:
    name = "pattern-rule"
    # arms would need one assignment a flow run; moved to and fro, all runs feel it at once
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    def read(self, target: str) -> JsonValue:
        """The active rule, or None where there is none."""
        rule = rule_of(_store(), _fingerprint(target))
        return None if rule is None else rule.model_dump(mode="json")

    def check(self, target: str, value: JsonValue) -> None:
        Library.load(_store()).pattern(_fingerprint(target))
        _parse(value)

    def apply(self, target: str, value: JsonValue) -> None:
        set_rule(_store(), _fingerprint(target), _parse(value), datetime.now(UTC))


def _fingerprint(target: str) -> str:
    kind, _, fingerprint = target.partition(":")
    if kind != "pattern" or not fingerprint:
        raise BadInput(f"{target!r} is no error pattern; write pattern:FINGERPRINT")
    return fingerprint


def _parse(value: JsonValue) -> Rule | None:
    if value is None:
        return None
    try:
        return Rule.model_validate(value)
    except ValidationError as problem:
        error = problem.errors()[0]
        where = ".".join(str(part) for part in error["loc"]) or "the rule"
        raise BadInput(f"{value!r} is no rule: {where}: {error['msg']}") from None


def _store() -> Store:
    return open_store(Settings().url)
