"""What governance names for webhooks: where they are sent, and where their secret is kept.

The secret itself stands in no file of Grace's: only the variable or the block that holds it does.
"""

import re
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, model_validator

__all__ = ["Webhook", "WebhookName"]

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BLOCK = re.compile(r"[a-z0-9][a-z0-9-]*")


def _is_an_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        named = parts.hostname and (parts.port or True)
    except ValueError:
        named = None
    if not named or parts.scheme not in ("http", "https") or text != "".join(text.split()):
        raise ValueError("it is no address; write https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a password is no address for this file; sign instead")
    return text


def _names_a_variable(text: str) -> str:
    if not VARIABLE.fullmatch(text):
        raise ValueError("it names no environment variable; the secret itself is not written here")
    return text


def _names_a_block(text: str) -> str:
    if not BLOCK.fullmatch(text):
        raise ValueError("it names no Secret block: lower case, digits and -")
    return text


WebhookName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Address: TypeAlias = Annotated[str, AfterValidator(_is_an_address)]


class Webhook(BaseModel):
    """With an `undo_url` what was sent can be taken back, by telling that address."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Address
    secret_variable: Annotated[str, AfterValidator(_names_a_variable)] | None = None
    secret_block: Annotated[str, AfterValidator(_names_a_block)] | None = None
    undo_url: Address | None = None

    @model_validator(mode="after")
    def _has_one_secret(self) -> "Webhook":
        if (self.secret_variable is None) == (self.secret_block is None):
            raise ValueError("name either secret_variable or secret_block")
        return self
