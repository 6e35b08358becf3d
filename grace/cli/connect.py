"""`grace connect`, `disconnect`, `enable`, `disable`: another installation, watched from here."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import SecretStr

from grace.cli.options import command, log_settings, settings
from grace.cli.output import emit, progress
from grace.errors import BadInput
from grace.settings import DEMO

if TYPE_CHECKING:
    from grace.connection import Connection
    from grace.settings import Settings
    from grace.store import Store

__all__ = ["register"]

FIRST = (("performance-optimizer", "every-30-minutes"), ("proactive-improvement", "hourly"))

Targets = Annotated[
    list[str], typer.Argument(help="What may be changed, as tag:etl, or tag:* for every tag.")
]
As = Annotated[str, typer.Option("--as", help="Who you are; a reviewer of the policy.")]
Reason = Annotated[str, typer.Option(help="Why; it goes into the record.")]


def register(app: typer.Typer) -> None:
    app.command()(connect)
    app.command()(disconnect)
    app.command()(enable)
    app.command()(disable)


def connect(
    url: Annotated[str, typer.Argument(help="Where it is: its API or a page of its UI.")],
    name: Annotated[
        str | None, typer.Option(help="What to call it, and its log. Default: after its host.")
    ] = None,
    credential: Annotated[
        Path | None,
        typer.Option(
            help="A file with NAME:PASSWORD, or with an API key; - reads it from standard input. "
            "Default: GRACE_CONNECT_CREDENTIAL, else none."
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How far back to read.")] = 30,
) -> None:
    """Watch a Prefect installation: read its history, say what would be proposed, change nothing.

    Grace's own server comes up beside it, with a log of its own for what it watches; again, it goes
    on where it stopped. What may be changed there, `grace enable` says. Prefect Cloud is taken
    too, with a key; that is untested.

    Example: grace connect http://prefect.example:4200 --name prod --credential prod.auth
    """
    from grace.connection import api_address, write_connection
    from grace.governance.enabling import observe_only
    from grace.installation import (
        check_no_other_server,
        connect_environment,
        read_installation,
        up,
    )
    from grace.store import open_store

    address = api_address(url)
    of = log_settings(name or _name_of(address))
    check_no_other_server()
    connection = _reached(of, address, credential)
    store, now = open_store(of.url), datetime.now(UTC)
    observe_only(store, now, connection.ui_url)
    write_connection(of, connection)
    up(of, tell=progress)
    connect_environment(of)
    counts = _read_history(of, store, now - timedelta(days=days), now)
    _first_cycles(of, now)
    running = read_installation(of)
    assert running is not None
    told: dict[str, object] = {
        "log": of.log,
        "watched": connection.api_url,
        "version": connection.version,
        "url": running.api_url.removesuffix("/api"),
        **counts,
    }
    emit(told, lambda: _next_step(of.log, connection, told))


def disconnect(
    name: Annotated[str, typer.Argument(help="The log of the installation.")],
) -> None:
    """Watch an installation no longer. Its log is kept, and connecting again goes on with it.

    Example: grace disconnect prod
    """
    from grace.connection import connected_logs, forget_connection
    from grace.installation import read_installation, up

    of = log_settings(name)
    if name not in (known := connected_logs(of)):
        raise BadInput(f"{name} is not connected; connected: {', '.join(known) or 'none'}")
    _check_nothing_open(of)
    forget_connection(of)
    if read_installation(of):
        up(of.for_log("main"), tell=progress)
    emit({"log": name, "connected": False}, f"{name} is no longer watched; {of.log_dir} is kept")


def enable(targets: Targets, reviewer: As, reason: Reason) -> None:
    """Let Grace propose and, once approved, carry out changes to these on the watched installation.

    Example: grace --log prod enable tag:etl deployment:load/nightly --as operator --reason "a try"
    """
    _set_enabled("enable", targets, reviewer, reason)


def disable(targets: Targets, reviewer: As, reason: Reason) -> None:
    """Take targets off the list again. What is under way on them waits; undoing stays possible.

    Example: grace --log prod disable tag:etl --as operator --reason "the try is over"
    """
    _set_enabled("disable", targets, reviewer, reason)


def _set_enabled(
    answer: Literal["enable", "disable"], targets: list[str], reviewer: str, reason: str
) -> None:
    from grace.governance.consent import check_is_reviewer
    from grace.governance.enabling import set_enabled
    from grace.governance.policy import load_policy
    from grace.store import open_store

    check_is_reviewer(reviewer, load_policy(settings()))
    store = open_store(settings().url, create=False)
    now = datetime.now(UTC)
    left = set_enabled(store, targets, answer, now, reviewer=reviewer, reason=reason).targets or ()
    emit({"enabled": list(left)}, f"Enabled on {settings().log}: {', '.join(left) or 'nothing'}")


def _check_nothing_open(of: "Settings") -> None:
    """Nobody would be left to end what is under way there."""
    from grace.governance.register import list_entries
    from grace.store import open_store

    still = [each for each in list_entries(open_store(of.url)) if each.is_open]
    if still:
        ids = ", ".join(f"{each.id[-12:]} ({each.state})" for each in still)
        raise BadInput(
            f"proposals of {of.log} are open: {ids}; reject or undo them first, "
            f"as in grace --log {of.log} undo {still[0].id[-12:]}"
        )


def _name_of(address: str) -> str:
    host = address.split("/")[2].partition(":")[0]
    name = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:40].strip("-")
    return name or "watched"


def _reached(of: "Settings", address: str, credential: Path | None) -> "Connection":
    """The connection, once the server has answered with it.

    Raises BadInput where the log is of something else, Unreachable where the server is not.
    """
    from grace.connection import Connection, read_connection
    from grace.installation.reaching import look_at

    before = read_connection(of)
    if of.is_own or of.log == DEMO:
        raise BadInput(f"{of.log} is a log of Grace's own: choose another --name")
    if before and before.api_url != address:
        raise BadInput(f"{of.log} is {before.api_url} already: choose another --name")
    secret = _secret(credential)
    if secret is None and before:
        found = before
    else:
        kind = "none" if secret is None else "basic" if ":" in secret else "key"
        found = Connection(
            api_url=address,
            version="",
            connected_at=datetime.now(UTC),
            credential=kind,
            secret=SecretStr(secret or ""),
        )
    return found.model_copy(update={"version": look_at(found, of.log)})


def _secret(credential: Path | None) -> str | None:
    # taken out: what is started from here inherits the rest
    given = os.environ.pop("GRACE_CONNECT_CREDENTIAL", None)
    if credential is None:
        return given or None
    try:
        text = typer.get_text_stream("stdin").read() if str(credential) == "-" else None
        text = credential.read_text() if text is None else text
    except (OSError, ValueError) as problem:
        raise BadInput(f"cannot read {credential}: {problem}") from None
    if not text.strip():
        raise BadInput(f"{credential} holds no credential")
    return text.strip()


def _read_history(
    of: "Settings", store: "Store", since: datetime, now: datetime
) -> dict[str, object]:
    from tasks.ingest_prefect import begin_history_at, read_history

    begin_history_at(store, since, now)
    counts = read_history(of, now, progress)
    return {"runs_read": counts.read, "left_out": counts.left_out, "added": dict(counts.added)}


def _first_cycles(of: "Settings", now: datetime) -> None:
    """Do not wait for the schedules: what would be proposed is what one connects for."""
    from tasks.runs import start_run

    for flow, when in FIRST:
        key, name = f"{of.log}:first:{now.isoformat()}:{flow}", f"first look at {of.log}"
        start_run(of, flow, when, {}, key=key, name=name)


def _next_step(log: str, connection: "Connection", told: dict[str, object]) -> str:
    return (
        f"{connection.ui_url} (Prefect {connection.version}) is watched in the log {log}: "
        f"{told['runs_read']} runs read, {told['left_out']} left out.\n"
        f"Nothing on it is changed. What would be proposed appears within minutes:\n"
        f"  {command()} --log {log} status\n"
        f"and under {told['url']}/artifacts. To be asked about a target: "
        f"{command()} --log {log} enable TARGET --as REVIEWER --reason WHY"
    )
