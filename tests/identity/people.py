"""A reviewer with a key, a server that people sign in to, and statements of theirs."""

import os

from grace.identity.knowing import Known
from grace.identity.roster import Roster
from grace.identity.statement import Statement
from grace.ledger.note import SigningKey
from tests.proposing import NOON

__all__ = ["ANN", "BOB", "ORIGIN", "SERVER", "known_people", "statement"]

ANN, BOB = (SigningKey(name, os.urandom(32)) for name in ("ann", "bob"))
SERVER = SigningKey("sign-in/0011aabb", os.urandom(32))
ORIGIN = "grace/main/0123456789abcdef"


def known_people() -> Known:
    roster = Roster().with_new("ann").with_new("bob")
    roster = roster.with_key("ann", ANN.verifier).with_key("bob", BOB.verifier)
    return Known(roster, ORIGIN, SERVER.verifier)


def statement(**differing: object) -> Statement:
    """Ann's approval of a proposal, by her own key."""
    stated = {
        "log": ORIGIN,
        "proposal": "p-1",
        "content": "c0ffee" * 10 + "c0ff",
        "asking": "p-1:run-1:answer-1",
        "answer": "approve",
        "reviewer": "ann",
        "reason": "the service can take it",
        "assurance": "signature",
        "at": NOON,
    }
    return Statement(**stated | differing)  # type: ignore[arg-type]
