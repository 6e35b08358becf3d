"""The headline's workload: the sample's page refresh, one run after the other in one process.

`page_shift` is the flow that a worker runs, and each refresh in it is a flow run of its own. A
process for each would cost three CPU seconds, which two cores cannot give every few seconds.
"""

import asyncio
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import httpx
from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from benchmarks.headline_names import PAGES, TARGET, sweep_name
from flows.sample import page_refresh
from tasks.levers.concurrency_limit import ConcurrencyLimit

__all__ = ["page_shift"]

AT_ONCE, TURN_SECONDS, BUSY_SECONDS = 4, 0.005, 0.05


@flow(name="page-shift", retries=0)
def page_shift(
    service: str, stop_file: str, every_seconds: float = 6, limits: list[int] | None = None
) -> None:
    """Refreshes the pages until `stop_file` is there, or once under each of the limits.

    `service` is the page service's address. A refresh begins `every_seconds` after the one before,
    or when that has ended if it took longer.
    """
    # a flow run of some seconds needs no sign of life, and would wait one second for its end
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}), _sparing_sqlite():
        if limits is not None:
            _sweep(service, limits)
            return
        for _ in _beats(every_seconds, stop_file):
            page_refresh(pages=PAGES, service=service, return_state=True)


def _sweep(service: str, limits: Iterable[int]) -> None:
    """The first refresh of a process is slower than all others, so it is none of the sweep's."""
    lever = ConcurrencyLimit()
    page_refresh(pages=PAGES, service=service, return_state=True)
    for number, limit in enumerate(limits, 1):
        lever.apply(TARGET, limit)
        named = page_refresh.with_options(flow_run_name=sweep_name(limit, number))
        named(pages=PAGES, service=service, return_state=True)


def _beats(every_seconds: float, stop_file: str) -> Iterator[None]:
    while not Path(stop_file).exists():
        due = time.monotonic() + every_seconds
        yield
        time.sleep(max(0.0, due - time.monotonic()))


@contextmanager
def _sparing_sqlite() -> Iterator[None]:
    """A few requests to Prefect at once, and what SQLite refuses is asked again after 50 ms.

    SQLite takes one writer at a time. One that another commit overtook is answered 503, having done
    nothing, and Prefect's client would wait two seconds, so that what is measured would be that
    wait and not the limit.
    """
    free = threading.BoundedSemaphore(AT_ONCE)
    sends = httpx.HTTPTransport.handle_request
    awaits = httpx.AsyncHTTPTransport.handle_async_request

    def send(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        if not _is_prefects(request):
            return sends(self, request)
        while True:
            with free:
                answer = sends(self, request)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            answer.close()
            time.sleep(BUSY_SECONDS)

    async def send_async(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        if not _is_prefects(request):
            return await awaits(self, request)
        while True:
            while not free.acquire(blocking=False):
                await asyncio.sleep(TURN_SECONDS)
            try:
                answer = await awaits(self, request)
            finally:
                free.release()
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            await answer.aclose()
            await asyncio.sleep(BUSY_SECONDS)

    with (
        patch.object(httpx.HTTPTransport, "handle_request", send),
        patch.object(httpx.AsyncHTTPTransport, "handle_async_request", send_async),
    ):
        yield


def _is_prefects(request: httpx.Request) -> bool:
    """The page service answers 503 too, and means it."""
    return request.url.path.startswith("/api/")
