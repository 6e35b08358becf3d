"""Reading files of Cedar rules: every mistake is told with its line, and none is let in.

Each rule is parsed and checked against the schema apart, as Cedar says what is wrong and not where.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import get_args

from cedarpy import PolicySet, Schema, pst, validate_policies

from grace.errors import BadInput
from grace.governance.cedar import Effect, Part, Rule, Rules
from grace.governance.request import Action
from grace.governance.statements import Misread, Statement, statements

__all__ = ["Source", "read_rules"]

SCHEMA = Path(__file__).parent.parent / "policy.cedarschema"
OF_POLICY = re.compile(r"^for policy `policy\d+`, ")
# what Cedar says of a text that breaks off otherwise than at its end
GRAMMAR = re.compile(r"invalid token|unexpected token")


@dataclass(frozen=True)
class Source:
    """One file of rules; `may` says which of them may stand in it."""

    path: Path
    text: str
    may: tuple[Effect, ...] = ("forbid", "permit")


@lru_cache(maxsize=16)
def read_rules(sources: tuple[Source, ...]) -> Rules:
    """The rules of all the files together. Raises BadInput naming file, line and what is wrong."""
    read: list[tuple[Statement, Rule]] = []
    for source in sources:
        try:
            read += _read(source)
        except Misread as problem:
            raise BadInput(f"{source.path}: line {problem.line}: {problem.said}") from None
    stated = tuple(rule for _, rule in read)
    _check_names(stated)
    return Rules(stated, {action: _part(read, action) for action in get_args(Action)}, _schema())


def _part(read: Sequence[tuple[Statement, Rule]], action: str) -> Part:
    chosen = [(statement, rule) for statement, rule in read if action in rule.actions]
    policies = PolicySet.from_str("\n".join(statement.text for statement, _ in chosen))
    return Part(policies, tuple(rule for _, rule in chosen))


@lru_cache(maxsize=1)
def _schema() -> Schema:
    return Schema.from_str(SCHEMA.read_text(encoding="utf-8"))


def _read(source: Source) -> list[tuple[Statement, Rule]]:
    """The rules of one file, each known to be sound. Raises Misread."""
    found = statements(source.text)
    rules = [_rule(statement, source) for statement in found]
    # each was read apart: were they told apart otherwise than Cedar does, one could be lost
    if not _count(source.text) == _count("\n".join(each.text for each in found)) == len(found):
        raise Misread(1, "the rules of this file cannot be told apart")
    for statement in found:
        _check_valid(statement)
    return list(zip(found, rules, strict=True))


def _count(text: str) -> int | None:
    try:
        return len(PolicySet.from_str(text))
    except ValueError:
        return None


def _rule(statement: Statement, source: Source) -> Rule:
    """What a statement says of itself. Raises Misread."""
    policies = _parsed(statement)
    if policies.templates():
        raise Misread(statement.line, "a template decides nothing: name the principal or resource")
    try:
        (policy,) = policies.to_pst().static_policies.values()
    except ValueError as problem:
        raise Misread(statement.line, str(problem).removeprefix("cedarpy: ")) from None
    if not (reason := " ".join(policy.annotations.get("reason", "").split())):
        raise Misread(statement.line, f'this {policy.effect} has no @reason("…")')
    if policy.effect not in source.may:
        raise Misread(statement.line, f"only {' and '.join(source.may)} may stand in this file")
    name = policy.annotations.get("id") or None
    return Rule(policy.effect, reason, _actions(policy), source.path, statement.line, name)


def _actions(policy: pst.Template) -> frozenset[str]:
    """Those that its head names; all of them where it names none, or what is no action."""
    known = frozenset(get_args(Action))
    match policy.action:
        case pst.ActionEq(entity):
            named = frozenset({entity.id})
        case pst.ActionIn(entities):
            named = frozenset(entity.id for entity in entities)
        case _:
            named = known
    return named if named <= known else known


def _parsed(statement: Statement) -> PolicySet:
    """Raises Misread with the line at which the grammar breaks, or what is wrong stands."""
    try:
        return PolicySet.from_str(statement.text)
    except ValueError as problem:
        said = str(problem)
    for line, beginning in statement.beginnings():
        if GRAMMAR.match(broken := _complaint(beginning)):
            raise Misread(line, broken)
    for begin, part in statement.parts():
        if (broken := _complaint(part)) and not broken.startswith("unexpected"):
            raise Misread(statement.line_of(broken, begin), broken)
    raise Misread(statement.line, said)


def _complaint(text: str) -> str:
    try:
        PolicySet.from_str(text)
    except ValueError as problem:
        return str(problem)
    return ""


def _check_valid(statement: Statement) -> None:
    """Against the schema, strictly: attributes, types, actions. Raises Misread."""
    found = validate_policies(statement.text, _schema())
    if found.validation_passed:
        return
    for begin, part in statement.parts():
        for error in validate_policies(part, _schema()).errors:
            if error.policy_id:  # else the part alone is no rule
                said = OF_POLICY.sub("", error.error)
                raise Misread(statement.line_of(said, begin), said)
    raise Misread(statement.line, OF_POLICY.sub("", found.errors[0].error))


def _check_names(rules: Iterable[Rule]) -> None:
    taken: dict[str, Rule] = {}
    for rule in rules:
        if rule.name is None:
            continue
        if (first := taken.setdefault(rule.name, rule)) is not rule:
            raise BadInput(
                f'{rule.path}: line {rule.line}: @id("{rule.name}") is taken by {first.place}'
            )
