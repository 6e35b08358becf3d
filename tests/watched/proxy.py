"""A reverse proxy in front of a Prefect server that lets nothing but reads through, and can fail.

It is what an installation's people would put before their server to be sure of a reader: whoever
comes through it holds a credential that may only read.
"""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

__all__ = ["Answer", "Asked", "Proxy", "in_front_of", "is_read"]

# whoever asks keeps these to himself
_OWN = {"connection", "content-length", "date", "host", "keep-alive", "server", "transfer-encoding"}

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    status: int
    body: bytes


@dataclass
class Proxy:
    """`url` is the API's as a client sees it; `asked` holds every request with its answer.

    `instead` may answer in the server's stead: it is given method, path and how many requests came
    before. It raises ConnectionError to break the connection.
    """

    url: str
    server: str
    asked: list[Asked] = field(default_factory=list)
    only_reads: bool = True
    instead: Callable[[str, str, int], Answer | None] = lambda method, path, before: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def refused(self) -> list[Asked]:
        return [one for one in self.asked if one.status == 403]

    def answers(self, status: int) -> None:
        """This status to everything."""
        self.behave(lambda method, path, before: (status, {}, b"{}"))

    def is_version(self, version: str) -> None:
        said = json.dumps(version).encode()
        kind = {"Content-Type": "application/json"}
        self.behave(
            lambda method, path, before: (200, kind, said) if path.endswith("/version") else None
        )

    def behave(self, instead: Callable[[str, str, int], Answer | None] | None = None) -> None:
        """From now on like this; without, as a proxy that only lets reads through."""
        with self.lock:
            self.asked = []
        self.instead = instead or (lambda method, path, before: None)


def is_read(method: str, path: str) -> bool:
    """Prefect asks many of its questions by POST."""
    asks = path.partition("?")[0].endswith(("/filter", "/count"))
    return method == "GET" or (method == "POST" and asks)


@contextmanager
def in_front_of(server: str) -> Iterator[Proxy]:
    """Of the API at this address."""

    class Handler(_Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        proxy = Proxy(f"http://127.0.0.1:{listening.server_port}/api", server)
        Handler.proxy = proxy
        thread = threading.Thread(target=listening.serve_forever, args=[0.05], daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            listening.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"
    # small answers would wait for the client's acknowledgement of their headers
    disable_nagle_algorithm = True
    wbufsize = -1
    _up: http.client.HTTPConnection | None = None

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.proxy.lock:
            asked = self.proxy.asked
            before = len(asked)
            asked.append(Asked(self.command, self.path, 0, body))
        try:
            answer = self._answer(body, before)
            asked[before] = Asked(self.command, self.path, answer[0], body)
            self._send(*answer)
        except ConnectionError:  # either side may go away
            self.close_connection = True

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - named by http.server

    def _answer(self, body: bytes, before: int) -> Answer:
        if (answer := self.proxy.instead(self.command, self.path, before)) is not None:
            return answer
        if self.proxy.only_reads and not is_read(self.command, self.path):
            return 403, {"Content-Type": "application/json"}, b'{"detail": "read only"}'
        return self._passed_on(body)

    def _passed_on(self, body: bytes) -> Answer:
        if self._up is None:
            place = urlsplit(self.proxy.server)
            self._up = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        self._up.request(self.command, self.path, body or None, headers)
        answer = self._up.getresponse()
        passed = {name: value for name, value in answer.getheaders() if name.lower() not in _OWN}
        return answer.status, passed, answer.read()

    def finish(self) -> None:
        if self._up is not None:
            self._up.close()
        super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Every request is in `asked`."""
