"""The rule of one error pattern: what a task does when it fails so. Target: `pattern:FINGERPRINT`.

It is kept in the log of `GRACE_*`, unless another is given, where `grace.patterns.match` and
`grace.prefect.retry_by_rule` read it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from pydantic import JsonValue, ValidationError

from grace.errors import BadInput
from grace.governance.change import Change
from grace.patterns.library import Library
from grace.patterns.rules import Rule, Trial, rule_of, set_rule
from grace.settings import Settings
from grace.store import Store, open_store

__all__ = ["PatternRule"]


class PatternRule:
    name = "pattern-rule"
    # whoever asks for a rule says in which flow run, so that it can hold for some of them
    reach: Literal["unit", "shared"] = "unit"
    reversible = True

    def __init__(
        self, store: Store | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._given, self._clock = store, clock

    @classmethod
    def of(cls, settings: Settings) -> "PatternRule":
        return cls(open_store(settings.url))

    @property
    def _store(self) -> Store:
        return self._given or open_store(Settings().url)

    def read(self, target: str) -> JsonValue:
        """The active rule, or None where there is none."""
        rule = rule_of(self._store, _fingerprint(target))
        return None if rule is None else rule.model_dump(mode="json")

    def check(self, target: str, value: JsonValue) -> None:
        Library.load(self._store).pattern(_fingerprint(target))
        rule = _parse(value)
        if rule and rule.trial:
            raise BadInput("a rule is put on trial by its measurement; propose it without a trial")

    def split(self, change: Change, experiment: str, share: float) -> JsonValue:
        before, after = _parse(change.before), _parse(change.after)
        rule, other, arm = (after, before, "after") if after else (before, None, "before")
        if rule is None:
            raise BadInput(f"{change.target} has no rule before and none after: nothing to try")
        trial = Trial.model_validate(
            {"experiment": experiment, "share": share, "arm": arm, "other": other}
        )
        return rule.model_copy(update={"trial": trial}).model_dump(mode="json")

    def apply(self, target: str, value: JsonValue) -> None:
        set_rule(self._store, _fingerprint(target), _parse(value), self._clock())


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
