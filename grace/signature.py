"""The signature of a webhook: Standard Webhooks 1.0.0, symmetric (v1, HMAC-SHA256).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac

from grace.errors import BadInput

__all__ = ["key_of", "sign"]

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)  # as the specification recommends


def key_of(secret: str) -> bytes:
    """The key that a secret `whsec_` and base64 holds; no message repeats any of it."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(f"the webhook's secret is not {PREFIX} and base64") from None
    if len(key) not in KEY_BYTES:
        low, high = KEY_BYTES[0], KEY_BYTES[-1]
        raise BadInput(f"the webhook's secret holds {len(key)} bytes, not {low} to {high}")
    return key


def sign(key: bytes, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers that prove a body: its id, when it was sent in seconds since 1970, and both."""
    if "." in message_id:
        raise ValueError(f"{message_id!r} holds a full stop, which parts what is signed")
    signed = f"{message_id}.{seconds}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
