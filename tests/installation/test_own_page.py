"""A page talks to the server that it came from; the answers of the API are left as they are."""

import asyncio
from typing import Any

import httpx
import pytest

from grace.installation.own_page import OwnPage


def answered(media: str | None, host: str = "127.0.0.1:4200", *addresses: str) -> httpx.Response:
    """What comes through where the app behind answers with this media type."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"Content-Type", media.encode())] if media else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<html>"})

    async def ask() -> httpx.Response:
        inside = httpx.ASGITransport(app=OwnPage(app, addresses))
        async with httpx.AsyncClient(transport=inside, base_url=f"http://{host}") as client:
            return await client.get("/")

    return asyncio.run(ask())


def allowed(response: httpx.Response) -> set[str]:
    directive, *sources = response.headers["content-security-policy"].split()
    assert directive == "connect-src"
    return set(sources)


def test_a_page_may_reach_its_own_server_and_the_api_under_its_other_names() -> None:
    page = answered("text/html; charset=utf-8", "localhost:4200", "http://127.0.0.1:4200/api", "")
    hosts = ("localhost:4200", "127.0.0.1:4200")
    schemes = ("http", "https", "ws", "wss")
    wanted = {f"{scheme}://{host}" for host in hosts for scheme in schemes}
    assert allowed(page) == {"'self'"} | wanted
    assert page.text == "<html>"


@pytest.mark.parametrize("media", ["application/json", "text/javascript", None])
def test_what_is_no_page_is_left_as_it_is(media: str | None) -> None:
    assert "content-security-policy" not in answered(media).headers


def test_a_name_that_is_no_host_adds_no_directive() -> None:
    found = answered("text/html", "127.0.0.1:4200", "http://evil.test;script-src/api")
    assert "evil" not in found.headers["content-security-policy"]
