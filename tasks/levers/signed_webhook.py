"""A signed message to another system. Target: `webhook:NAME`, as governance.toml names it.

A value is `{"key": …, "body": {…}}`. The key becomes the message's id, so that a receiver takes it
once, whatever crashes in between. What is read is the last value that was acknowledged and not
taken back; it is kept in a file of the log. With an undo url a value is taken back by a second
message, which names the first; without one it stays done.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from grace.errors import BadInput
from grace.files import locked, write_whole
from grace.governance.policy import load_policy
from grace.governance.webhooks import Webhook
from grace.settings import Settings
from tasks.webhook import Sender, secret_key

__all__ = ["SignedWebhook"]

# no full stop, which parts what is signed; no colon, which tells the message that takes it back
_Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    key: _Key
    body: dict[str, JsonValue]


class _Acknowledged(BaseModel):
    value: JsonValue
    at: AwareDatetime
    undone_at: AwareDatetime | None = None


_Sent = TypeAdapter(list[_Acknowledged])


class SignedWebhook:
    name = "signed-webhook"
    reach: Literal["unit", "shared"] = "shared"
    reversible = False  # unless the webhook names an undo url: `reverses`
    to_and_fro: Literal[False] = False  # a receiver takes a key once

    def __init__(self, settings: Settings | None = None, sender: Sender | None = None) -> None:
        """`sender` is given where something else than the webhook's own secret is to sign."""
        self._settings, self._sender = settings or Settings(), sender

    def reverses(self, target: str) -> bool:
        return self._webhook(target)[1].undo_url is not None

    def read(self, target: str) -> JsonValue:
        """The last value acknowledged and not taken back, None where there was none."""
        name, _ = self._webhook(target)
        return _standing(self._sent(name))

    def check(self, target: str, value: JsonValue) -> None:
        """Raises BadInput also for a key that was used: a receiver would pass it over."""
        name, _ = self._webhook(target)
        message, sent = _message(value), self._sent(name)
        if _standing(sent) != value and message.key in _keys(sent):
            raise BadInput(f"{message.key!r} was the key of an earlier message; take another key")

    def apply(self, target: str, value: JsonValue) -> None:
        """Send it, or take the last one back where that leads to the value; nothing if it is so."""
        name, webhook = self._webhook(target)
        with locked(self._file(name).with_suffix(".lock")):
            sent = self._sent(name)
            if _standing(sent) == value:
                return
            last = next((each for each in reversed(sent) if each.undone_at is None), None)
            if last is not None and _standing([each for each in sent if each is not last]) == value:
                self._take_back(name, webhook, last)
            else:
                self.check(target, value)
                message = _message(value)
                self._send(name, webhook, webhook.url, message.key, "grace.set", message)
                sent.append(_Acknowledged(value=value, at=datetime.now(UTC)))
            write_whole(self._file(name), _Sent.dump_json(sent, indent=1).decode(), 0o600)

    def _take_back(self, name: str, webhook: Webhook, last: _Acknowledged) -> None:
        if webhook.undo_url is None:
            raise BadInput(f"what was sent to webhook {name} stays done: it names no undo_url")
        message = _message(last.value)
        self._send(name, webhook, webhook.undo_url, f"{message.key}:undo", "grace.undo", message)
        last.undone_at = datetime.now(UTC)

    def _send(
        self, name: str, webhook: Webhook, url: str, message_id: str, what: str, message: _Message
    ) -> None:
        body = {"type": what, "webhook": name, "key": message.key, "data": message.body}
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        self._sender_of(name, webhook).send(url, message_id, text.encode())

    def _sender_of(self, name: str, webhook: Webhook) -> Sender:
        return self._sender or Sender(secret_key(name, webhook))

    def _webhook(self, target: str) -> tuple[str, Webhook]:
        kind, _, name = target.partition(":")
        if kind != "webhook" or not name:
            raise BadInput(f"{target!r} is no webhook; write webhook:NAME")
        known = load_policy(self._settings).webhooks
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise BadInput(f"governance.toml names no webhook {name!r}; it names: {there}")
        return name, known[name]

    def _file(self, name: str) -> Path:
        return self._settings.log_dir / "webhooks" / f"{name}.json"

    def _sent(self, name: str) -> list[_Acknowledged]:
        """All that were acknowledged, in their order."""
        file = self._file(name)
        try:
            return _Sent.validate_json(file.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValidationError):
            raise BadInput(f"{file} cannot be read: what was sent is not known") from None


def _standing(sent: list[_Acknowledged]) -> JsonValue:
    return next((each.value for each in reversed(sent) if each.undone_at is None), None)


def _keys(sent: list[_Acknowledged]) -> set[str]:
    return {_message(each.value).key for each in sent}


def _message(value: JsonValue) -> _Message:
    if value is None:
        raise BadInput("a message that was sent cannot be set to nothing; grace undo takes it back")
    try:
        return _Message.model_validate(value)
    except ValidationError as problem:
        error = problem.errors()[0]
        where = ".".join(str(part) for part in error["loc"]) or "the value"
        raise BadInput(
            f'a message is written {{"key": "NAME", "body": {{…}}}}: {where}: {error["msg"]}'
        ) from None
