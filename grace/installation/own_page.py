"""What a page of Prefect's may talk to: the server that it came from, and nobody else.

Prefect 3.8.8's second UI asks an analytics host for its settings even where analytics are off. A
Content Security Policy (W3C, CSP level 3, section 6.1.2 `connect-src`) lets no browser do that. It
is ASGI and knows nothing of Prefect.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from grace.installation.sign_in import App, Message, Receive, Send

__all__ = ["OwnPage"]

HEADER = b"content-security-policy"
HOST = re.compile(r"[\w.\[\]:-]+", re.ASCII)  # with a port, or an IPv6 address in brackets


class OwnPage:
    """`addresses` are those where the API answers, besides the one that a page was asked at."""

    def __init__(self, app: App, addresses: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = {urlsplit(address).netloc for address in addresses}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked_at = {value.decode("latin-1") for name, value in scope["headers"] if name == b"host"}
        policy = _policy(self._hosts | asked_at)

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                message["headers"] = [*message["headers"], (HEADER, policy)]
            await send(message)

        await self._app(scope, receive, send_with_policy)


def _policy(hosts: Iterable[str]) -> bytes:
    """Not every browser takes a websocket to the same host for `'self'`."""
    schemes = ("http", "https", "ws", "wss")
    known = sorted(filter(HOST.fullmatch, hosts))
    allowed = [f"{scheme}://{host}" for host in known for scheme in schemes]
    return " ".join(["connect-src", "'self'", *allowed]).encode("latin-1")


def _is_page(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/html")
        for name, value in message.get("headers", ())
    )
