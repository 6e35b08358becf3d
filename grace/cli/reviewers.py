"""`grace reviewers …`: who may answer, and how each proves who he is."""

import getpass
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import settings
from grace.cli.output import emit
from grace.errors import BadInput

if TYPE_CHECKING:
    from grace.identity.roster import Roster
    from grace.ledger.note import VerifierKey

__all__ = ["register"]

Name = Annotated[str, typer.Argument(help="The reviewer's name, without spaces.")]
Stdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read it from standard input instead of asking.")
]
Key = Annotated[
    str | None, typer.Option("--key", help="The public key, as `keygen` printed it, or its file.")
]


def register(app: typer.Typer) -> None:
    reviewers = typer.Typer(help="Who may answer, and how each proves who he is.")
    reviewers.callback(invoke_without_command=True)(_list_by_default)
    reviewers.command("list")(list_)
    for command in (add, remove, password, key, keygen, adopt):
        reviewers.command()(command)
    app.add_typer(reviewers, name="reviewers")


def _list_by_default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


def list_() -> None:
    """List who may answer, and what each can prove it with.

    Example: grace reviewers list
    """
    from rich.table import Table

    from grace.governance.policy import load_policy
    from grace.identity.roster import read_roster
    from grace.ledger.note import VerifierKey

    policy, roster = load_policy(settings()), read_roster(settings())
    rows = []
    for name in policy.reviewers:
        known = roster.active(name) if roster else None
        keys = [VerifierKey.parse(text) for text in (known.keys if known else ())]
        rows.append(
            {
                "name": name,
                "password": bool(known and known.password),
                "keys": [{"id": each.key_id, "key": str(each)} for each in keys],
            }
        )

    def table() -> Table:
        drawn = Table("name", "password", "keys", box=None)
        for row in rows:
            ids = ", ".join(each["id"] for each in row["keys"])  # type: ignore[attr-defined]
            drawn.add_row(str(row["name"]), "yes" if row["password"] else "-", ids or "-")
        return drawn

    needed = policy.assurance.model_dump()
    emit({"reviewers": rows, "needed": needed, "file": settings().reviewers_file}, table)


def add(
    name: Name,
    with_password: Annotated[
        bool, typer.Option("--password", help="Ask for a password to sign in with.")
    ] = False,
    password_stdin: Stdin = False,
    key: Key = None,
) -> None:
    """Add a reviewer. The first one ends the list of governance.toml, and its `operator`.

    With a password, Prefect's page asks everyone to sign in from then on.

    Example: grace reviewers add ann --password
    """
    from grace.identity.passwords import hash_password

    public = _public(name, key) if key else None
    typed = _password(password_stdin) if with_password or password_stdin else None
    hashed = hash_password(typed, os.urandom) if typed is not None else None

    def edit(roster: "Roster") -> "Roster":
        roster = roster.with_new(name)
        roster = roster.with_password(name, hashed) if hashed else roster
        return roster.with_key(name, public) if public else roster

    _change("add", edit, name, f"{name} may answer now")


def remove(name: Name) -> None:
    """Take a reviewer off the list, with password and keys; what was answered stays.

    Example: grace reviewers remove ann
    """
    _change("remove", lambda roster: roster.without(name), name, f"{name} may answer no longer")


def password(name: Name, password_stdin: Stdin = False) -> None:
    """Set a reviewer's password; the old one is no good any more.

    Example: grace reviewers password ann
    """
    from grace.identity.passwords import hash_password
    from grace.identity.roster import read_roster

    (read_roster(settings()) or _no_list()).get(name)
    hashed = hash_password(_password(password_stdin), os.urandom)
    told = f"{name} signs in with the new password"
    _change("password", lambda roster: roster.with_password(name, hashed), name, told)


def key(
    name: Name,
    public: Annotated[str, typer.Argument(help="A public key or its file; with --remove its id.")],
    taken_away: Annotated[bool, typer.Option("--remove", help="Take the key away.")] = False,
) -> None:
    """Add a key that a reviewer signs with, or take one away.

    Example: grace reviewers key ann ann.pub
    """
    if taken_away:
        told = f"the key {public} of {name} counts no longer"
        _change("remove key", lambda roster: roster.without_key(name, public), name, told)
    else:
        found = _public(name, public)
        told = f"{name} signs with the key {found.key_id}"
        _change("add key", lambda roster: roster.with_key(name, found), name, told)


def keygen(
    file: Annotated[Path, typer.Argument(help="Where the private key goes; never overwritten.")],
    name: Annotated[str, typer.Option("--as", help="Your name as a reviewer.")],
    encrypt: Annotated[
        bool, typer.Option("--encrypt/--no-encrypt", help="Under a passphrase that is asked for.")
    ] = True,
    password_stdin: Stdin = False,
) -> None:
    """Make a key to sign answers with. The public half is printed, and put beside it as .pub.

    Example: grace reviewers keygen ann.key --as ann
    """
    from grace.files import write_whole
    from grace.identity.keyfiles import make_private_key
    from grace.identity.roster import Roster

    Roster().with_new(name)  # refuses what can be nobody's name
    passphrase = _password(password_stdin, "passphrase") if encrypt else ""
    if encrypt and not passphrase:
        raise BadInput("an empty passphrase encrypts nothing; --no-encrypt says so openly")
    made = make_private_key(file, name, passphrase, os.urandom).verifier
    public = file.with_name(file.name + ".pub")
    write_whole(public, f"{made}\n")
    told = {"file": file, "public_file": public, "id": made.key_id, "key": str(made)}
    emit(
        told,
        f"{made}\n\nThe private key is {file}. Whoever keeps the list of reviewers adds the "
        f"public one:\n  grace reviewers key {name} {public}",
    )


def adopt() -> None:
    """Answer for the list as it lies there, where it was changed by other means or restored.

    Example: grace reviewers adopt
    """
    from grace.identity.roster import Roster, read_roster

    there = read_roster(settings()) or Roster()
    _change("adopt", lambda roster: roster, None, f"reviewers: {', '.join(there.names) or 'none'}")


def _change(what: str, edit: Callable[["Roster"], "Roster"], name: str | None, told: str) -> None:
    from grace.governance.reviewing import change_reviewers
    from grace.store import open_store

    by, now = getpass.getuser(), datetime.now(UTC)
    store = open_store(settings().url)
    roster = change_reviewers(settings(), store, what, edit, name=name, by=by, now=now)
    more = "" if roster.names else "; nobody may answer now"
    emit({"changed": what, "name": name, "reviewers": roster.names}, f"{told}{more}")


def _no_list() -> "Roster":
    raise BadInput("there is no list of reviewers yet: grace reviewers add NAME")


def _password(from_stdin: bool, what: str = "password") -> str:
    from grace.cli.asking import secret_text

    return secret_text(what, from_stdin=from_stdin, twice=True)


def _public(name: str, given: str) -> "VerifierKey":
    from grace.ledger.note import VerifierKey
    from grace.notary.keys import read_verifier

    if Path(given).is_file():
        return read_verifier(Path(given))
    try:
        return VerifierKey.parse(given)
    except ValueError as problem:
        raise BadInput(f"{given}: neither a file nor a public key of {name}: {problem}") from None
