"""Everything Grace refuses, in one tree.

GraceError
├── CheckFailed     a check was made and did not hold (exit code 1)
│   └── LedgerBroken
└── BadInput        the request cannot be carried out as given (exit code 2)
    ├── NotOurs     a database, file or server that is not Grace's, or is newer
    ├── Unreachable a server or store that does not answer
    └── NotAllowed  a rule of governance forbids it: the message is the rule
"""

__all__ = [
    "BadInput",
    "CheckFailed",
    "GraceError",
    "LedgerBroken",
    "NotAllowed",
    "NotOurs",
    "Unreachable",
]


class GraceError(Exception):
    """A refusal a person can act on: its text is one line that says what to do."""

    exit_code = 2


class CheckFailed(GraceError):
    exit_code = 1


class LedgerBroken(CheckFailed):
    pass


class BadInput(GraceError):
    pass


class NotOurs(BadInput):
    pass


class Unreachable(BadInput):
    pass


class NotAllowed(BadInput):
    pass
