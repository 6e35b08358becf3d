"""Prefect's synchronous client, with one clear line where no server answers."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client

from grace.errors import Unreachable

__all__ = ["prefect_client"]


@contextmanager
def prefect_client() -> Iterator[SyncPrefectClient]:
    """Raises Unreachable where the server does not answer, or answers with an error."""
    try:
        with get_client(sync_client=True) as client:
            yield client
    except httpx.TransportError as problem:
        raise Unreachable(f"Prefect does not answer ({problem}); is it up? `grace up`") from None
    except httpx.HTTPStatusError as problem:
        answer = problem.response
        raise Unreachable(f"Prefect refused {answer.url.path}: {answer.status_code}") from None
