"""The page service answers, slows, refuses and resets as its load and its seed say."""

import asyncio
import random
import selectors
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
import pytest

from grace.sample_service import (
    ADMITTED,
    GONE_PAGE,
    SERVED_AT_ONCE,
    PageService,
    pace,
)
from tests.serving import free_port

# of one request alone, in seconds
WORK = 0.3
# with no time at all a wait that rounds to nothing would be waited for again and again
A_LOOK = 1e-6

Ask = Callable[[str], Awaitable[httpx.Response]]
Told = TypeVar("Told")


class Idle(selectors.DefaultSelector):
    """Its seconds are those in which nobody had anything to do: a busy machine takes none."""

    seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(timeout)
        self.seconds += 0.0 if found else max(timeout or 0.0, A_LOOK)
        return found


class Unhurried(asyncio.SelectorEventLoop):
    """Requests that are made together come together, however long the machine takes for them."""

    def __init__(self) -> None:
        self._idle = Idle()
        super().__init__(self._idle)

    def time(self) -> float:
        return self._idle.seconds


def run(scenario: Coroutine[object, object, Told]) -> Told:
    with asyncio.Runner(loop_factory=Unhurried) as runner:
        return runner.run(scenario)


@asynccontextmanager
async def serving(reset_share: float = 0, seed: int = 1) -> AsyncIterator[tuple[PageService, Ask]]:
    service = PageService(random.Random(seed), reset_share, WORK)
    server = await service.start(port=0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield service, client.get


async def at_once(ask: Ask, pages: int) -> tuple[list[httpx.Response], float]:
    """Answers to that many requests together, and how long the last one took in seconds."""
    clock = asyncio.get_running_loop().time
    began = clock()
    answers = await asyncio.gather(*(ask(f"/pages/{100 + page}") for page in range(pages)))
    return answers, clock() - began


def test_a_page_comes_and_the_gone_page_is_gone_for_ever() -> None:
    async def scenario() -> None:
        async with serving() as (_, ask):
            page, gone, again = await asyncio.gather(
                ask("/pages/1"), ask(f"/pages/{GONE_PAGE}"), ask(f"/pages/{GONE_PAGE}")
            )
            assert (page.status_code, page.text[:7]) == (200, "page 1\n")
            assert (gone.status_code, again.status_code) == (410, 410)
            assert (await ask("/stats")).json() == {
                "served": 3,
                "refused": 0,
                "reset": 0,
                "in_flight": 0,
                "max_in_flight": 3,
            }

    run(scenario())


@pytest.mark.parametrize("path", ["/", "/pages/", "/pages/one", "/pages/-1", "/pages/٣"])
def test_an_unknown_path_is_not_found_and_costs_no_work(path: str) -> None:
    async def scenario() -> None:
        async with serving() as (service, ask):
            assert (await ask(path)).status_code == 404
            assert service.counts.max_in_flight == 0
            assert (await ask("/health")).text == "ok"

    run(scenario())


def test_pace_is_full_up_to_what_is_served_at_once_and_total_work_falls_beyond() -> None:
    totals = [count * pace(count) for count in range(1, ADMITTED + 1)]
    assert totals[:SERVED_AT_ONCE] == list(range(1, SERVED_AT_ONCE + 1))
    beyond = totals[SERVED_AT_ONCE - 1 :]
    assert beyond == sorted(beyond, reverse=True)
    assert beyond[-1] < SERVED_AT_ONCE / 3


def test_eight_at_once_take_as_long_as_one_and_sixteen_much_longer() -> None:
    """At full pace sixteen would need no longer than one; together they need nine times that."""

    async def scenario() -> None:
        async with serving() as (_, ask):
            _, eight = await at_once(ask, SERVED_AT_ONCE)
            _, sixteen = await at_once(ask, ADMITTED)
        assert eight >= WORK
        assert sixteen > 6 * WORK
        assert eight < sixteen / 3

    run(scenario())


def test_beyond_what_is_admitted_a_request_is_refused_at_once_and_told_when_to_come() -> None:
    async def scenario() -> None:
        async with serving() as (service, ask):
            admitted = asyncio.create_task(at_once(ask, ADMITTED))
            while service.counts.in_flight < ADMITTED:
                await asyncio.sleep(0.01)
            refused, _ = await at_once(ask, 3)
            assert not admitted.done(), "it waited for one that was admitted"
            assert [answer.status_code for answer in refused] == [503] * 3
            assert refused[0].headers["Retry-After"] == "1"
            answers, _ = await admitted
            assert {answer.status_code for answer in answers} == {200}
            assert service.counts.refused == 3

    run(scenario())


def test_the_seed_says_which_connections_are_reset() -> None:
    """Requests one after the other, against the very numbers of the same generator."""

    async def scenario() -> list[bool]:
        resets = []
        async with serving(reset_share=0.5, seed=7) as (_, ask):
            for page in range(4):
                try:
                    await ask(f"/pages/{page}")
                    resets.append(False)
                except (httpx.ReadError, httpx.RemoteProtocolError):
                    resets.append(True)
        return resets

    numbers = random.Random(7)
    expected = [numbers.random() < 0.5 for _ in range(4)]
    assert run(scenario()) == expected
    assert set(expected) == {True, False}


def test_a_request_that_is_no_http_ends_without_an_answer() -> None:
    async def scenario() -> bytes:
        async with serving() as (service, _):
            server = await service.start(port=0)
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\r\n\r\n")
            with_answer = await asyncio.wait_for(_all_of(reader), 5)
            writer.close()
            server.close()
            return with_answer

    assert run(scenario()) == b""


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


def test_the_command_takes_how_much_work_a_page_is() -> None:
    port = free_port()
    command = [sys.executable, "-m", "grace.sample_service", "--port", str(port)]
    asked = [*command, "--work-seconds", "1.5"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as service:
        try:
            next(iter(service.stdout or ()))
            began = time.monotonic()
            page = httpx.get(f"http://127.0.0.1:{port}/pages/1", trust_env=False)
            assert page.status_code == httpx.codes.OK
            assert time.monotonic() - began >= 1.5
        finally:
            service.terminate()
