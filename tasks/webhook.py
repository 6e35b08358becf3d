"""Sending one signed message over HTTP, until it is acknowledged or surely is not.

The same message may arrive twice; its id is the same then, so that a receiver takes it once.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from prefect.exceptions import ObjectNotFound

from grace.errors import BadInput, Unreachable
from grace.governance.webhooks import Webhook
from grace.signature import key_of, sign
from tasks.prefect_client import prefect_client

__all__ = ["PAUSES_SECONDS", "Sender", "secret_key"]

TIMEOUT_SECONDS = 15
# before the second try, the third, …; the specification would go on for days, a change does not
PAUSES_SECONDS = (1.0, 4.0)


@dataclass(frozen=True)
class Sender:
    """`key` signs; `clock` gives the seconds since 1970 and `pause` lets some go by."""

    key: bytes
    clock: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    timeout_seconds: float = TIMEOUT_SECONDS

    def send(self, url: str, message_id: str, body: bytes) -> None:
        """Raises BadInput where the receiver refuses, Unreachable where it does not answer."""
        place = _place(url)
        with httpx.Client(timeout=self.timeout_seconds, follow_redirects=False) as client:
            for seconds in (*PAUSES_SECONDS, None):
                trouble = self._try(client, url, message_id, body)
                if trouble is None:
                    return
                if seconds is not None:
                    self.pause(seconds)
        tries = len(PAUSES_SECONDS) + 1
        raise Unreachable(f"the webhook at {place} was sent {tries} times: {trouble}")

    def _try(self, client: httpx.Client, url: str, message_id: str, body: bytes) -> str | None:
        """What makes another try worth it, None once it was acknowledged."""
        headers = sign(self.key, message_id, int(self.clock()), body)
        try:
            # the answer's body is never read: it may repeat what was sent
            with client.stream(
                "POST", url, content=body, headers={"content-type": "application/json", **headers}
            ) as answer:
                status = answer.status_code
        except httpx.TimeoutException:
            return f"no answer within {self.timeout_seconds:g} s"
        except httpx.TransportError as problem:
            return type(problem).__name__
        if 200 <= status < 300:
            return None
        if status >= 500 or status in (408, 429):
            return f"it answers {status}"
        raise BadInput(f"the webhook at {_place(url)} refuses it: {status}")


def secret_key(name: str, webhook: Webhook) -> bytes:
    """Read where governance says it is, each time; raises BadInput where it is not there."""
    if webhook.secret_variable is not None:
        secret = os.environ.get(webhook.secret_variable)
        if not secret:
            raise BadInput(
                f"webhook {name}: the variable {webhook.secret_variable} holds no secret here; "
                "set it where Grace and its worker start"
            )
        return key_of(secret)
    with prefect_client() as client:
        try:
            block = client.read_block_document_by_name(
                str(webhook.secret_block), "secret", include_secrets=True
            )
        except ObjectNotFound:
            raise BadInput(
                f"webhook {name}: there is no Secret block {webhook.secret_block!r}"
            ) from None
    return key_of(str(block.data.get("value", "")))


def _place(url: str) -> str:
    """Where it goes, without a path or a query that might let somebody in."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
