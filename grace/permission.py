"""What a governed system asks before a decision of its own: may it carry that out?"""

import logging
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from grace.governance.policy import Policy
    from grace.settings import Settings

__all__ = ["may"]

Answer = Literal["permit", "ask", "forbid"]

LOGGER = logging.getLogger("grace")


def may(decision_type: str, *, system: str) -> Answer:
    """Whether `system` may carry out such a decision: *permit*, *ask* a person, or *forbid*.

        from grace import may

        if may("restart_service", system="ops-agent") == "permit": ...

    The policy in the log of `GRACE_*` answers, as it is at that moment, and the answer is recorded
    as a decision. Never raises: where the policy cannot be read it is *forbid*, as a rule may be in
    it, and where the answer cannot be recorded a permit is *ask*; a warning of the logger `grace`
    says which. Blocks; in a coroutine call it by `asyncio.to_thread`.
    """
    from pydantic import ValidationError

    from grace.errors import GraceError
    from grace.governance.policy import load_policy
    from grace.settings import current_settings

    try:
        settings = current_settings()
        policy = load_policy(settings)
    except (GraceError, ValidationError, OSError) as problem:
        LOGGER.warning("%s is forbidden: %s", _line(decision_type), _line(problem))
        return "forbid"
    return _asked(settings, policy, decision_type, system)


def _asked(settings: "Settings", policy: "Policy", decision_type: str, system: str) -> Answer:
    from datetime import UTC, datetime

    from grace.delivery import AWAY, open_live
    from grace.governance.decisions import Decision, record_decision
    from grace.governance.request import about_decision

    now = datetime.now(UTC)
    ruling = policy.rule(about_decision(decision_type, system, now))
    asked: dict[str, object] = {"decision_type": decision_type, "system": system}
    decision = Decision(
        question="may it decide",
        answer=ruling.answer,
        reason=ruling.reason,
        policy_digest=policy.digest,
        detail={**asked, "rules": list(ruling.rules)},
    )
    try:
        with open_live(settings.url).writing(now) as writer:
            record_decision(writer, decision)
    except (*AWAY, ValueError) as problem:
        LOGGER.warning(
            "the answer to %s was not recorded: %s", _line(decision_type), _line(problem)
        )
        return "forbid" if ruling.answer == "forbid" else "ask"
    return ruling.answer


def _line(told: object) -> str:
    """What no handler of a logger chokes on: one line, without halves of surrogate pairs."""
    return " ".join(str(told).split()).encode(errors="backslashreplace").decode()
