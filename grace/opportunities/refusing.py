"""Why the policy forbids a value, asked before it is proposed."""

from collections.abc import Callable
from datetime import datetime

from pydantic import JsonValue

from grace.governance.change import Change
from grace.governance.policy import Policy
from grace.governance.request import about_change
from grace.governance.risk import Risk

__all__ = ["refusal_of"]


def refusal_of(
    policy: Policy, lever: str, target: str, kind: str, at: datetime, before: JsonValue = None
) -> Callable[[int], str | None]:
    """The reason why a value is forbidden, as of the newest evidence; None where it is not.

    The risk is not known yet and does not depend on the value, so the lowest is assumed; what the
    policy forbids for its risk is still forbidden when the proposal is submitted.
    """
    lowest = Risk(score=0.0, tier="low", parts={})

    def refusal(value: int) -> str | None:
        change = Change(lever=lever, target=target, before=before, after=value)
        ruling = policy.rule(about_change(change, "change", at, kind=kind, risk=lowest))
        return ruling.reason if ruling.answer == "forbid" else None

    return refusal
