"""`grace approve` and `grace reject`: an answer that says whose it is as surely as it can."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.cli.proposals import As, Id, Reason
from grace.errors import BadInput, NotAllowed

if TYPE_CHECKING:
    from grace.ledger.note import SigningKey

__all__ = ["register"]

KeyFile = Annotated[
    Path | None, typer.Option("--key", help="Your private key: the answer is signed with it.")
]
PasswordStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read password or passphrase from standard input."),
]


def register(app: typer.Typer) -> None:
    for command in (approve, reject):
        app.command()(command)


def approve(
    proposal: Id,
    reason: Reason,
    reviewer: As,
    key: KeyFile = None,
    password_stdin: PasswordStdin = False,
) -> None:
    """Approve a proposal that waits; its run goes on and applies the change.

    With --key the answer is signed; a reviewer who has a password is asked for it otherwise.

    Example: grace approve 5f0c1d2e --as operator --reason "the service can take it"
    """
    _answer("approve", proposal, reviewer, reason, key, password_stdin)


def reject(
    proposal: Id,
    reason: Reason,
    reviewer: As,
    key: KeyFile = None,
    password_stdin: PasswordStdin = False,
) -> None:
    """Reject a proposal that waits; the same opportunity then rests for some days.

    Example: grace reject 5f0c1d2e --as operator --reason "not before the release"
    """
    _answer("reject", proposal, reviewer, reason, key, password_stdin)


def _answer(
    answer: str, prefix: str, reviewer: str, reason: str, key: Path | None, password_stdin: bool
) -> None:
    from grace.governance.consent import Answer, check_can_answer, check_is_asked
    from grace.governance.policy import load_policy
    from grace.governance.register import find
    from grace.installation import connect_environment
    from grace.store import open_store

    entry = find(open_store(settings().url, create=False), prefix)
    given = Answer.model_validate({"answer": answer, "reviewer": reviewer, "reason": reason})
    # asked here for a clear line; what counts is what the run itself finds
    check_is_asked(entry, entry.content_hash, datetime.now(UTC))
    check_can_answer(given, entry, load_policy(settings()))
    if entry.run_id is None:
        raise BadInput(f"no run asks about {entry.id} yet; try again in a minute")
    connect_environment(settings())
    from tasks.proposals import sign_answer
    from tasks.runs import answer_run, run_link

    signed_in = None
    if key is not None:
        private = _own_key(given.reviewer, key, password_stdin)
        given = sign_answer(settings(), entry, given, private, datetime.now(UTC))
    else:
        signed_in = _signed_in(given.reviewer, password_stdin)
    answer_run(entry.run_id, given.model_dump(exclude_none=True), signed_in)
    link = run_link(entry.run_id)
    told = {"id": entry.id, "answer": answer, "reviewer": reviewer, "run": link}
    emit(told, f"Answered {answer}; its run goes on: {link}")


def _own_key(reviewer: str, file: Path, password_stdin: bool) -> "SigningKey":
    """The reviewer's private key; BadInput where the list has not its public half."""
    from grace.cli.asking import secret_text
    from grace.identity.keyfiles import load_private_key
    from grace.identity.roster import Roster, read_roster

    key = load_private_key(
        file, reviewer, lambda: secret_text("passphrase", from_stdin=password_stdin)
    )
    listed = (read_roster(settings()) or Roster()).keys_of(reviewer)
    if key.verifier not in listed:
        raise BadInput(
            f"{file} is no key of {reviewer} on the list: grace reviewers key {reviewer}"
        )
    return key


def _signed_in(reviewer: str, password_stdin: bool) -> str | None:
    """NAME:PASSWORD of a reviewer who has one; NotAllowed for a wrong one."""
    from grace.cli.asking import secret_text
    from grace.identity.roster import read_roster

    roster = read_roster(settings())
    known = roster.active(reviewer) if roster else None
    if known is None or known.password is None:
        return None
    password = secret_text(f"password of {reviewer}", from_stdin=password_stdin)
    if not known.password.is_of(password):
        raise NotAllowed(f"that is not the password of {reviewer}")
    return f"{reviewer}:{password}"
