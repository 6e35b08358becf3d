"""How surely it is known who gave an answer: what was stated under which signature."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from grace.errors import NotAllowed
from grace.identity.roster import Roster
from grace.identity.statement import Assurance, Statement, read_statement, signed_by
from grace.ledger.note import VerifierKey

__all__ = ["NOBODY", "Known", "Proven", "check_proof"]

# how far the clock of whoever signs may be ahead of this one
AHEAD = timedelta(minutes=5)


@dataclass(frozen=True)
class Known:
    """Whose signatures count: the reviewers', and that of the server where they sign in.

    `origin` is that of the log, None where nothing of it was signed yet.
    """

    roster: Roster | None = None
    origin: str | None = None
    server: VerifierKey | None = None


NOBODY = Known()


@dataclass(frozen=True)
class Proven:
    """How surely, and by which key; `proof` is the signed note, whole."""

    assurance: Assurance
    key: VerifierKey
    proof: str


def check_proof(known: Known, proof: str, given: Statement, since: datetime) -> Proven:
    """That the note states just what was answered, and that a key which may say so signed it.

    `given` is the answer as it arrived, `given.at` when. Raises NotAllowed where anything differs:
    a proof that does not hold is never less of a proof, but none.
    """
    try:
        stated = read_statement(proof)
        key = signed_by(proof, _may_sign(known, stated))
    except (ValueError, TypeError, RecursionError) as problem:
        raise NotAllowed(f"the proof with the answer cannot be read: {problem}") from None
    expected = replace(given, assurance=stated.assurance, at=stated.at)
    for name, value in vars(expected).items():
        if getattr(stated, name) != value:
            raise NotAllowed(
                f"the proof is of another answer: its {name} is {getattr(stated, name)!r}"
            )
    if key is None:
        who = "the server" if stated.assurance == "signed in" else given.reviewer
        raise NotAllowed(f"the proof is not signed by a key of {who} that is on the list")
    if stated.at > given.at + AHEAD or stated.at < since - AHEAD:
        raise NotAllowed(f"the proof was signed at {stated.at:%F %T} UTC, when nobody was asked")
    return Proven(stated.assurance, key, proof)


def _may_sign(known: Known, stated: Statement) -> list[VerifierKey]:
    """Whose signature counts for it; the server's name holds a slash, as no reviewer's can."""
    if stated.assurance == "signed in":
        return [known.server] if known.server else []
    if stated.assurance == "signature" and known.roster:
        return list(known.roster.keys_of(stated.reviewer))
    return []
