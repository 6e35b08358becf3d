"""Prefect's synchronous client, with one clear line where no server answers."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL

from grace.errors import Unreachable

__all__ = ["prefect_client"]


@contextmanager
def prefect_client(signed_in: str | None = None) -> Iterator[SyncPrefectClient]:
    """As Grace itself, or as the person of `NAME:PASSWORD`.

    Raises Unreachable where the server does not answer, or answers with an error.
    """
    try:
        with _client(signed_in) as client:
            yield client
    except httpx.TransportError as problem:
        raise Unreachable(f"Prefect does not answer ({problem}); is it up? `grace up`") from None
    except httpx.HTTPStatusError as problem:
        answer = problem.response
        raise Unreachable(f"Prefect refused {answer.url.path}: {answer.status_code}") from None


def _client(signed_in: str | None) -> SyncPrefectClient:
    if signed_in is None:
        return get_client(sync_client=True)
    return SyncPrefectClient(str(PREFECT_API_URL.value()), auth_string=signed_in)
