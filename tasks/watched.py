"""The Prefect installation that a log is about: this one, or one that Grace is connected to.

Of a connected one it is never more than read, unless a lever turns something that a person enabled
and approved: a client for reading refuses to send anything else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.client.orchestration import SyncPrefectClient

from grace.connection import Connection, read_connection
from grace.errors import BadInput, NotAllowed
from grace.installation.reaching import telling
from grace.settings import Settings
from tasks.prefect_client import prefect_client

__all__ = ["watched_client"]


@contextmanager
def watched_client(settings: Settings, *, writing: bool = False) -> Iterator[SyncPrefectClient]:
    """A client of the installation that the log of `settings` is about.

    Raises Unreachable where it does not answer, refuses, or answers with an error; NotAllowed
    where something else than a read is asked of a connected one without `writing`.
    """
    connection = read_connection(settings)
    if connection is not None:
        with telling(connection, settings.log), _client(connection, writing) as client:
            yield client
    elif settings.is_own:
        with prefect_client() as client:
            yield client
    else:
        raise BadInput(f"{settings.log} is connected to nothing: grace connect URL --name NAME")


def _client(connection: Connection, writing: bool) -> SyncPrefectClient:
    secret = connection.secret.get_secret_value()
    return SyncPrefectClient(
        connection.api_url,
        auth_string=secret if connection.credential == "basic" else None,
        api_key=secret if connection.credential == "key" else None,
        httpx_settings=None if writing else {"event_hooks": {"request": [_only_read]}},
    )


def _only_read(request: httpx.Request) -> None:
    """Prefect's API asks many of its questions by POST."""
    path = request.url.path
    if request.method != "GET" and not path.endswith(("/filter", "/count")):
        raise NotAllowed(f"{request.method} {path} is no read, and nothing else was asked for")
