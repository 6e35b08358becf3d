"""A small page service for the sample workload, with a capacity that is really shared.

Each request needs `work_seconds` of work. Up to `SERVED_AT_ONCE` requests work at full pace;
beyond, every further one slows all of them down, as a thrashing back end does, and with
`ADMITTED` at work a request is refused. So waiting for a free place, slowness and refusals are
consequences of the load that the callers put on it, and change when a limit of theirs changes.

    python -m grace.sample_service --port 4299
"""

import argparse
import asyncio
import json
import random
import signal
import socket
import struct
from dataclasses import asdict, dataclass

__all__ = ["ADMITTED", "GONE_PAGE", "SERVED_AT_ONCE", "WORK_SECONDS", "PageService", "pace"]

WORK_SECONDS = 0.5
SERVED_AT_ONCE = 8
ADMITTED = 16
GONE_PAGE = 13
RESET_SHARE = 0.05
_TICK_SECONDS = 0.02
_HEADER_SECONDS = 10
# l_onoff, l_linger: closing sends RST instead of FIN
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def pace(in_flight: int) -> float:
    """Work done a second by each request: half of it with one too many, a third with two."""
    return 1 / (1 + max(0, in_flight - SERVED_AT_ONCE))


@dataclass
class Counts:
    served: int = 0
    refused: int = 0
    reset: int = 0
    in_flight: int = 0
    max_in_flight: int = 0


class PageService:
    """Pages at `/pages/N`, state at `/health` and `/stats`; one request a connection.

    `rng` draws one number for each admitted page, in order of arrival: below `reset_share` the
    connection is reset instead of answered.
    """

    def __init__(
        self,
        rng: random.Random,
        reset_share: float = RESET_SHARE,
        work_seconds: float = WORK_SECONDS,
    ) -> None:
        self.counts = Counts()
        self._rng = rng
        self._reset_share = reset_share
        self._work_seconds = work_seconds

    async def start(self, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEADER_SECONDS):
                path = await _requested_path(reader)
            await self._answer(path, writer)
            await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        page = path.removeprefix("/pages/")
        if path == "/health":
            writer.write(_response(200, "ok"))
        elif path == "/stats":
            writer.write(_response(200, json.dumps(asdict(self.counts)), "application/json"))
        elif path.startswith("/pages/") and page.isascii() and page.isdigit():
            await self._answer_page(int(page), writer)
        else:
            writer.write(_response(404, f"no such path: {path}"))

    async def _answer_page(self, page: int, writer: asyncio.StreamWriter) -> None:
        if self.counts.in_flight >= ADMITTED:
            self.counts.refused += 1
            writer.write(_response(503, "too many requests at once", extra="Retry-After: 1\r\n"))
        elif self._rng.random() < self._reset_share:
            self.counts.reset += 1
            _reset(writer)
        else:
            await self._work()
            self.counts.served += 1
            gone = page == GONE_PAGE
            writer.write(_response(410, "gone") if gone else _response(200, f"page {page}\n" * 200))

    async def _work(self) -> None:
        counts = self.counts
        counts.in_flight += 1
        counts.max_in_flight = max(counts.max_in_flight, counts.in_flight)
        clock = asyncio.get_running_loop().time
        then, left = clock(), self._work_seconds
        try:
            while left > 0:
                await asyncio.sleep(min(_TICK_SECONDS, left))
                now = clock()
                left -= (now - then) * pace(counts.in_flight)
                then = now
        finally:
            counts.in_flight -= 1


async def _requested_path(reader: asyncio.StreamReader) -> str:
    """The path of a GET; a malformed request line counts as a lost connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    if len(words) != 3 or words[0] != b"GET":
        raise ConnectionAbortedError
    return words[1].decode("latin-1")


def _response(status: int, body: str, kind: str = "text/plain", extra: str = "") -> bytes:
    reasons = {200: "OK", 404: "Not Found", 410: "Gone", 503: "Service Unavailable"}
    content = body.encode()
    head = (
        f"HTTP/1.1 {status} {reasons[status]}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(content)}\r\n{extra}Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + content


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


async def _run(port: int, seed: int, work_seconds: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    service = PageService(random.Random(seed), work_seconds=work_seconds)
    server = await service.start(port)
    print(f"sample service on http://127.0.0.1:{port}", flush=True)
    async with server:
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="The page service of Grace's sample workload.")
    parser.add_argument("--port", type=int, default=4299)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work-seconds", type=float, default=WORK_SECONDS)
    asked = parser.parse_args()
    asyncio.run(_run(asked.port, asked.seed, asked.work_seconds))


if __name__ == "__main__":
    main()
