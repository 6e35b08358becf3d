"""The permits that Grace writes into `earned.cedar`, one statement a type of decision.

A statement is Grace's own by its `@id`, and its `@value` says what was approved. Every other byte
of the file is somebody's and stays as it is; a statement of Grace's that somebody edited is read
as such, and never taken for what was approved.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cedarpy import PolicySet
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    field_validator,
)

from grace.errors import BadInput
from grace.governance.reading import Source, read_rules
from grace.governance.statements import statements

__all__ = ["Permit", "earned_source", "permit_in", "read_permit", "with_permit"]

HEADER = (
    "// Permits that were earned, as they were approved. Grace writes here, one rule a type of\n"
    "// decision; `grace undo` takes one back. What you write yourself is kept.\n\n"
)
REASON = "an approved proposal permits these decisions"


class Permit(BaseModel):
    """Which systems need not ask, None being all of them, and the reason in the rule's words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    systems: list[Annotated[str, StringConstraints(min_length=1)]] | None = Field(
        default=None, min_length=1, max_length=100
    )
    reason: Annotated[str, StringConstraints(pattern=r"\S")] | None = None

    @field_validator("systems")
    @classmethod
    def _each_once(cls, systems: list[str] | None) -> list[str] | None:
        if systems is not None and len(set(systems)) != len(systems):
            raise ValueError("a system is named twice")
        return systems


@dataclass(frozen=True)
class _Own:
    """The place of Grace's statement in the file's text, and the statement."""

    begin: int
    text: str

    @property
    def end(self) -> int:
        return self.begin + len(self.text)


def earned_source(path: Path, text: str) -> Source:
    """The file as a source of rules: what a record earned can only ever permit."""
    return Source(path, text, may=("permit",))


def read_permit(value: JsonValue) -> Permit:
    """Of `true`, or an object with `systems` and `reason`. Raises BadInput for anything else."""
    if value is True:
        return Permit()
    try:
        json.dumps(value, ensure_ascii=False).encode()
        if not isinstance(value, dict):
            raise BadInput(f"a permit is true or an object with systems and reason, not {value!r}")
        return Permit.model_validate(value)
    except UnicodeEncodeError:
        raise BadInput(f"{value!r} holds what is no Unicode text") from None
    except ValidationError as problem:
        error = problem.errors()[0]
        where = ".".join(str(part) for part in error["loc"])
        said = error["msg"].removeprefix("Value error, ")
        raise BadInput(f"{value!r} is no permit: {where}: {said}") from None


def permit_in(path: Path, text: str | None, decision_type: str) -> JsonValue:
    """The permit of a type as it was approved, None where there is none.

    `{"edited": …}` with the rule where somebody changed it by hand. Raises BadInput for a file that
    cannot be read, naming the line.
    """
    own = None if text is None else _own(path, text, decision_type)
    if own is None:
        return None
    value = _stated(own.text)
    return value if _is_sound(value, decision_type, own.text) else {"edited": own.text}


def with_permit(path: Path, text: str | None, decision_type: str, value: JsonValue) -> str | None:
    """The file's text with this permit, None taking it away; nothing else in it changes.

    None is a file that is not there. Raises BadInput as `permit_in` does.
    """
    own = None if text is None else _own(path, text, decision_type)
    statement = None if value is None else _statement(decision_type, value)
    if text is None or own is None:
        return text if statement is None else _appended(text, statement)
    if statement is None:
        return _without(text, own)
    return text[: own.begin] + statement + text[own.end :]


def _own(path: Path, text: str, decision_type: str) -> _Own | None:
    rules = read_rules((earned_source(path, text),)).stated
    place = 0
    for rule, statement in zip(rules, statements(text), strict=True):
        place = text.index(statement.text, _line_begin(text, statement.line, place))
        if rule.name == _name(decision_type):
            return _Own(place, statement.text)
        place += len(statement.text)
    return None


def _line_begin(text: str, line: int, at_least: int) -> int:
    """A comment further up may hold the same words, but not one on the statement's own line."""
    begin = 0
    for _ in range(line - 1):
        begin = text.index("\n", begin) + 1
    return max(begin, at_least)


def _stated(statement: str) -> JsonValue:
    (policy,) = PolicySet.from_str(statement).to_pst().static_policies.values()
    try:
        value: JsonValue = json.loads(policy.annotations.get("value", ""))
    except (ValueError, RecursionError):
        return None
    return value


def _is_sound(value: JsonValue, decision_type: str, statement: str) -> bool:
    try:
        return _statement(decision_type, value) == statement
    except BadInput:
        return False


def _statement(decision_type: str, value: JsonValue) -> str:
    permit = read_permit(value)
    stated = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return (
        f"@id({_quoted(_name(decision_type))})\n"
        f"@reason({_quoted(permit.reason or REASON)})\n"
        f"@value({_quoted(stated)})\n"
        f"permit (\n  {'principal is System' if permit.systems is None else 'principal'},\n"
        f'  action == Action::"decide",\n'
        f"  resource == Target::{_quoted(f'decision:{decision_type}')}\n)"
        f"{'' if permit.systems is None else _only(permit.systems)};"
    )


def _only(systems: Iterable[str]) -> str:
    named = ", ".join(f"System::{_quoted(system)}" for system in systems)
    return f"\nwhen {{ [{named}].contains(principal) }}"


def _name(decision_type: str) -> str:
    return f"earned {decision_type}"


def _quoted(text: str) -> str:
    """As Cedar writes a text: on one line, whatever it holds."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\u{{{ord(letter):x}}}"


def _appended(text: str | None, statement: str) -> str:
    """As the last of the file, which ends in a line end or does not, as it did before."""
    if text is None:
        return f"{HEADER}{statement}\n"
    return f"{text}{statement}\n" if text.endswith("\n") or not text else f"{text}\n{statement}"


def _without(text: str, own: _Own) -> str | None:
    """What `_appended` was given; a file that only Grace wrote goes with its last statement."""
    before, after = text[: own.begin], text[own.end :]
    if after.startswith("\n"):
        after = after[1:]
    elif before.endswith("\n"):
        before = before[:-1]
    left = before + after
    return None if left == HEADER else left
