"""`grace mesh …`: what happened, as events: listened to, published, and checked for gaps."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from grace.cli.options import options, settings
from grace.cli.output import emit, iso, progress
from grace.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from grace.mesh import Event
    from grace.store import Store

__all__ = ["register"]

Pattern = Annotated[str, typer.Argument(help="Which events, as in 'goal.*'.")]


def register(app: typer.Typer) -> None:
    mesh = typer.Typer(no_args_is_help=True, help="Events: listen, publish, check for gaps.")
    for command in (listen, publish, check):
        mesh.command()(command)
    app.add_typer(mesh, name="mesh")


def listen(
    pattern: Pattern = "*",
    after: Annotated[
        int | None, typer.Option(help="From behind this ledger index on. Default: the last hour.")
    ] = None,
    follow: Annotated[bool, typer.Option(help="Wait for more until interrupted.")] = False,
) -> None:
    """Print events in the order of the ledger, one a line; with --json each as one JSON line.

    Example: grace mesh listen 'proposal.*' --follow
    """
    from grace.mesh import subscribe
    from grace.store import open_store

    store = open_store(settings().url, create=False)
    if after is None:
        after = _an_hour_ago(store)
    with suppress(KeyboardInterrupt):  # the polite end of `--follow`
        for event in subscribe(pattern, after=after, follow=follow, store=store):
            print(_line(event), flush=True)


def _an_hour_ago(store: "Store") -> int:
    from grace.mesh import read_events

    border = datetime.now(UTC) - timedelta(hours=1)
    old = [event.index for event in read_events(store) if event.occurred < border]
    return old[-1] if old else -1


def _line(event: "Event") -> str:
    if options().as_json:
        said = {**vars(event), "occurred": iso(event.occurred)}
        return json.dumps(said, ensure_ascii=False)
    return (
        f"{event.index:>8}  {event.occurred:%Y-%m-%d %H:%M:%S}  {event.type:<24} {event.resource}"
    )


def publish(
    to: Annotated[
        str | None, typer.Option(help="Prefect's API. Default: that of the running system.")
    ] = None,
) -> None:
    """Publish the log's events to Prefect until the process ends: the service of `grace up`.

    Example: grace mesh publish --to http://127.0.0.1:4200/api
    """
    from grace.installation import read_installation
    from grace.notary.waiting import Interruptible
    from grace.store import open_store

    installation = read_installation(settings())
    address = to or (installation.api_url if installation else None)
    if address is None:
        raise BadInput("nothing runs here: start it with `grace up`, or name Prefect's API by --to")
    from grace.installation.people import service_credential
    from tasks.mesh import keep_publishing

    # never to a server that somebody else named
    is_own = installation is not None and address == installation.api_url
    store = open_store(settings().url, create=False)
    with Interruptible() as waiting:
        keep_publishing(
            store,
            address,
            settings().log,
            clock=lambda: datetime.now(UTC),
            wait=waiting,
            tell=progress,
            credential=service_credential(settings()) if is_own else None,
        )


def check() -> None:
    """Whether Prefect has every event that the log tells of, but for those on their way.

    Exit code 1 where some are missing that were published more than a minute ago.

    Example: grace mesh check
    """
    from grace.mesh import last_index
    from grace.store import open_store
    from tasks.mesh import unpublished

    store = open_store(settings().url, create=False)
    waiting = unpublished(store)
    border = datetime.now(UTC) - timedelta(minutes=1)
    late = sum(event.occurred < border for event in waiting)
    told = {"last_index": last_index(store), "waiting": len(waiting), "overdue": late}
    if late:
        raise CheckFailed(
            f"{late} events of more than a minute ago are not in Prefect yet: does `grace up` run?"
        )
    emit(
        told,
        f"Prefect has every event up to index {told['last_index']}; {len(waiting)} on their way.",
    )
