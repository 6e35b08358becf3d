"""The life of a proposal, as one literal table."""

from typing import Literal, get_args

from grace.errors import NotAllowed

__all__ = ["OPEN", "TRANSITIONS", "State", "Verdict", "can_move", "check_can_move"]

State = Literal[
    "proposed",
    "forbidden",
    "awaiting_approval",
    "approved",
    "rejected",
    "expired",
    "superseded",
    "applying",
    "applied",
    "failed",
    "measuring",
    "kept",
    "rolling_back",
    "rolled_back",
    "rollback_failed",
]
Verdict = Literal["improved", "no_effect", "regressed", "insufficient_data"]

TRANSITIONS: dict[State, frozenset[State]] = {
    "proposed": frozenset({"forbidden", "awaiting_approval", "approved"}),
    "awaiting_approval": frozenset({"approved", "rejected", "expired", "superseded"}),
    "approved": frozenset({"applying", "superseded"}),
    "applying": frozenset({"applied", "failed"}),
    "applied": frozenset({"measuring", "rolling_back"}),
    "measuring": frozenset({"kept", "rolling_back"}),
    "kept": frozenset({"rolling_back"}),
    "rolling_back": frozenset({"rolled_back", "rollback_failed"}),
    "forbidden": frozenset(),
    "rejected": frozenset(),
    "expired": frozenset(),
    "superseded": frozenset(),
    "failed": frozenset(),
    "rolled_back": frozenset(),
    "rollback_failed": frozenset(),
}

STATES: tuple[State, ...] = get_args(State)

# Open: the same opportunity may not be raised a second time. `kept` is at rest, though it can
# still be undone; `failed` and `rollback_failed` wait for a person, not for an engine.
OPEN: frozenset[State] = frozenset(
    {
        "proposed",
        "awaiting_approval",
        "approved",
        "applying",
        "applied",
        "measuring",
        "rolling_back",
    }
)


def can_move(old: State, new: State) -> bool:
    return new in TRANSITIONS[old]


def check_can_move(old: State, new: State) -> None:
    """Raises NotAllowed with the states that may follow."""
    if not can_move(old, new):
        after = ", ".join(sorted(TRANSITIONS[old])) or "nothing: it is at an end"
        raise NotAllowed(f"a proposal that is {old} cannot become {new}; what may follow: {after}")
