"""Signing in to Prefect's server, person by person: HTTP basic auth (RFC 7617) before its app.

As long as no reviewer has a password it lets everything through. From then on every request and
every websocket needs a reviewer's password or Grace's own credential, and what concerns a run that
waits for an answer is guarded. It is ASGI and knows nothing of Prefect but its addresses.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx

from grace.errors import GraceError, NotAllowed
from grace.installation.guarding import Guard
from grace.installation.people import People, Person
from grace.settings import Settings

__all__ = ["SignIn"]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

# probes of whoever watches the process, which say nothing but that it lives
OPEN = ("/api/health", "/api/ready")
POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1
CHALLENGE = (b"www-authenticate", b'Basic realm="Grace", charset="UTF-8"')
MOST_BYTES = 16 * 1024 * 1024
NOT_SIGNED_IN = "sign in as a reviewer, with your password"


class SignIn:
    """`addresses` are those, besides its own, at which people reach the page through a proxy."""

    def __init__(self, app: App, settings: Settings, addresses: tuple[str, ...] = ()) -> None:
        self._app = app
        self._people = People(settings)
        self._origins = {urlsplit(address).netloc for address in addresses if address}
        inner = httpx.ASGITransport(app=app)
        self._inside = httpx.AsyncClient(transport=inner, base_url="http://inside")
        self._guard = Guard(settings, self._ask, lambda: datetime.now(UTC))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        try:
            is_open = kind not in ("http", "websocket") or not self._people.sign_in
        except GraceError as problem:
            await _refuse(scope, send, 503, f"nobody can sign in: {problem}")
            return
        if is_open or (scope["path"] in OPEN and scope.get("method") == "GET"):
            await self._app(scope, receive, send)
        elif kind == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _request(self, scope: Message, receive: Receive, send: Send) -> None:
        person = await self._who(_credential(scope))
        if person is None:
            await _refuse(scope, send, 401, NOT_SIGNED_IN, (CHALLENGE,))
            return
        if self._is_foreign(scope) and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            await _refuse(scope, send, 403, "another page may not do this in your name")
            return
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        body = await _whole(receive)
        if body is None:
            await _refuse(scope, send, 413, "the request is too large")
            return
        try:
            checked = await self._guard.check(person, scope["method"], scope["path"], body)
        except NotAllowed as reason:
            await _refuse_as_prefect(scope, send, str(reason))
            return
        await self._app(_of_length(scope, len(checked)), _again(checked, receive), send)

    async def _socket(self, scope: Message, receive: Receive, send: Send) -> None:
        """By the header of the handshake, or as Prefect's clients do by the first message."""
        if self._is_foreign(scope):
            await _close(send)
        elif given := _credential(scope):
            allowed = await self._who(given) is not None
            await (self._app(scope, receive, send) if allowed else _close(send))
        elif "prefect" in scope.get("subprotocols", ()):
            await self._app(scope, self._after_auth(receive, send), send)
        else:
            await _close(send)

    def _after_auth(self, receive: Receive, send: Send) -> Receive:
        """Lets the first message through only where it holds somebody's credential."""
        state = {"signed in": False}

        async def receive_checked() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive" or state["signed in"]:
                return message
            if await self._who(_token(message)) is None:
                await _close(send)
                return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
            state["signed in"] = True
            return message

        return receive_checked

    async def _who(self, credential: str | None) -> Person | None:
        if credential is None:
            return None
        # the hash takes a while, and the server goes on meanwhile
        return await asyncio.to_thread(self._people.who, credential)

    async def _ask(self, method: str, path: str, body: object) -> Any:
        answer = await self._inside.request(method, f"/api{path}", json=body)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise NotAllowed(f"Prefect could not say what this concerns ({answer.status_code})")
        return answer.json()

    def _is_foreign(self, scope: Message) -> bool:
        """Whether a page of somebody else sends this: a browser adds the password all the same."""
        origin = _header(scope, b"origin")
        if origin is None:
            return _header(scope, b"sec-fetch-site") in ("cross-site", "same-site")
        return urlsplit(origin).netloc not in {_header(scope, b"host"), *self._origins}


def _header(scope: Message, name: bytes) -> str | None:
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if found else None


def _credential(scope: Message) -> str | None:
    scheme, _, encoded = (_header(scope, b"authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _token(message: Message) -> str | None:
    """`NAME:PASSWORD` of Prefect's message of sign-in."""
    try:
        said = json.loads(message.get("text") or message.get("bytes") or b"")
    except (ValueError, RecursionError):
        return None
    token = said.get("token") if isinstance(said, dict) and said.get("type") == "auth" else None
    return token if isinstance(token, str) else None


async def _whole(receive: Receive) -> bytes | None:
    """The body; None where it is larger than any request of Prefect's own."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        if len(body) > MOST_BYTES:
            return None
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body out once more; afterwards the client says when it goes."""
    left = [body]

    async def receive_again() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return receive_again


def _of_length(scope: Message, length: int) -> Message:
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in (b"content-length", b"transfer-encoding")
    ]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode())]}


async def _refuse(
    scope: Message,
    send: Send,
    status: int,
    reason: str,
    more: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    if scope["type"] == "websocket":
        await _close(send)
        return
    told = {"detail": reason, "exception_message": reason}
    await _answer(send, status, told, more)


async def _refuse_as_prefect(scope: Message, send: Send, reason: str) -> None:
    """On Resume in Prefect's own words for *no*, which its page and its clients show."""
    if scope["path"].rstrip("/").endswith("/resume"):
        details = {"type": "reject_details", "reason": reason}
        await _answer(send, 200, {"state": None, "status": "REJECT", "details": details})
    else:
        await _refuse(scope, send, 403, reason)


async def _answer(
    send: Send, status: int, told: object, more: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    body = json.dumps(told).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _close(send: Send) -> None:
    await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": NOT_SIGNED_IN})
