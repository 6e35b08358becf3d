"""Policies made of a few lines of Cedar, and what they are asked about."""

from pathlib import Path

from pydantic import JsonValue

from grace.governance.cedar import Rules, Ruling
from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.reading import Source, read_rules
from grace.governance.request import ChangeAction, about_change
from grace.governance.risk import Risk
from tests.proposing import NOON

__all__ = ["INVERSE", "LOW", "a_policy", "a_rule", "asked", "rules_of"]

LOW = Risk(score=0.15, tier="low", parts={})


def a_rule(effect: str, when: str = "true", reason: str = "because", action: str = "change") -> str:
    return (
        f'@reason("{reason}") {effect} (principal, action == Action::"{action}", resource) '
        f"when {{ {when} }};"
    )


INVERSE = a_rule(
    "permit", "context.approved_by_person", "approving a change approves its inverse", "inverse"
)


def rules_of(*texts: str) -> Rules:
    return read_rules((Source(Path("policy.cedar"), "\n".join(texts)),))


def a_policy(*texts: str, **numbers: object) -> Policy:
    """Of these rules; ann and bob may answer, unless it is said otherwise."""
    return Policy.model_validate({"reviewers": ("ann", "bob"), "rules": rules_of(*texts)} | numbers)


def asked(
    policy: Policy | Rules,
    before: JsonValue = 2,
    after: JsonValue = 8,
    *,
    target: str = "tag:pages",
    lever: str = "concurrency-limit",
    action: ChangeAction = "change",
    **differing: object,
) -> Ruling:
    """What is ruled about a change; the engine's own at noon on a Sunday, of low risk."""
    change = Change(lever=lever, target=target, before=before, after=after)
    how = {"at": NOON, "kind": "reduce_wait_time", "risk": LOW} | differing
    return policy.rule(about_change(change, action, **how))
