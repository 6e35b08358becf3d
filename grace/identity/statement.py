"""What is signed when somebody answers, as a signed note (c2sp.org/signed-note).

A reviewer's own key signs it (*signature*), or that of the server that saw the reviewer sign in
(*signed in*). It names all that it could be carried over to and must not be: the log by its
origin, the proposal and the hash of its content, and the one time of asking, which is the id of
the decision that the answer becomes. Its first line is in no other note of Grace's.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias, get_args

from grace.ledger.note import Note, SigningKey, VerifierKey, sign_note

__all__ = ["ASSURANCES", "Assurance", "Statement", "asking_id", "read_statement", "signed_by"]

Assurance: TypeAlias = Literal["declared", "signed in", "signature"]
# the weaker before the stronger
ASSURANCES: tuple[Assurance, ...] = get_args(Assurance)

HEADING = "grace-answer/1"
NAMES = ("log", "proposal", "content", "asking", "answer", "reviewer", "reason", "assurance", "at")


@dataclass(frozen=True)
class Statement:
    """`log` is its origin, `content` the hash in hex, `asking` the id of the decision to come."""

    log: str
    proposal: str
    content: str
    asking: str
    answer: str
    reviewer: str
    reason: str
    assurance: Assurance
    at: datetime

    @property
    def text(self) -> str:
        """A line for each name with its value in JSON, so that none can hold a second line."""
        at = self.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        values = vars(self) | {"at": at}
        lines = (f"{name} {json.dumps(values[name])}\n" for name in NAMES)
        return f"{HEADING}\n{''.join(lines)}"

    def signed(self, key: SigningKey) -> str:
        return sign_note(self.text, key)


def asking_id(proposal: str, run: str, question: str) -> str:
    """The one time of asking, and the id of the decision that its answer becomes."""
    return f"{proposal}:{run}:{question}"


def read_statement(note: str) -> Statement:
    """What a note states, whoever signed it. Raises ValueError where it is no such statement."""
    text = Note.parse(note).text
    heading, *lines = text.removesuffix("\n").split("\n")
    pairs = [line.partition(" ")[::2] for line in lines]
    if heading != HEADING or tuple(name for name, _ in pairs) != NAMES:
        raise ValueError("it is no statement of an answer")
    values = {name: json.loads(value) for name, value in pairs}
    if not all(isinstance(value, str) for value in values.values()):
        raise ValueError("a line of the statement is no text")
    stated = Statement(**values | {"at": datetime.fromisoformat(values["at"])})
    if stated.assurance not in ASSURANCES or stated.text != text:
        raise ValueError("the statement is not spelled as Grace spells it")
    return stated


def signed_by(note: str, keys: Iterable[VerifierKey]) -> VerifierKey | None:
    """The first of the keys that signed the note, None where none did."""
    parsed = Note.parse(note)
    return next((key for key in keys if parsed.standing(key) == "valid"), None)
