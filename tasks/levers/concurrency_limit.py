"""The concurrency limits of a Prefect server as one lever.

A target is written `tag:NAME`, `global:NAME`, `deployment:FLOW/NAME`, `work-pool:NAME` or
`work-queue:POOL/NAME`. What was never limited, and a limit of 10,000, read as None.
"""

from typing import Literal

from pydantic import JsonValue

from grace.errors import BadInput
from grace.settings import Settings
from tasks.levers.limits import UNLIMITED, Left, limit_at
from tasks.watched import watched_client

__all__ = ["UNLIMITED", "ConcurrencyLimit"]


class ConcurrencyLimit:
    name = "concurrency-limit"
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def read(self, target: str) -> JsonValue:
        """The limit in force, or None where there is none."""
        limit = limit_at(target)
        with watched_client(self._settings) as client:
            return limit.read(client)

    def check(self, target: str, value: JsonValue) -> None:
        limit_at(target)
        if _whole(value) < 1:
            raise _no_limit(value)
        if value == UNLIMITED:
            raise BadInput(f"{UNLIMITED} stands for no limit at all; take another number")

    def apply(self, target: str, value: JsonValue) -> None:
        """Set the limit; None sets one that nobody meets where runs may hold slots.

        Zero is taken too, for somebody may have set it before, and is never proposed.
        """
        limit, wanted = limit_at(target), None if value is None else _whole(value)
        with watched_client(self._settings, writing=True) as client:
            limit.set(client, wanted)

    def remove_if_idle(self, target: str) -> Left:
        """Take away the limit that stands for none, if nothing holds a slot.

        Of work pools and queues it is gone as soon as it is set to none.
        """
        limit = limit_at(target)
        with watched_client(self._settings, writing=True) as client:
            return limit.remove_if_idle(client)


def _whole(value: JsonValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _no_limit(value)
    return value


def _no_limit(value: JsonValue) -> BadInput:
    return BadInput(f"a concurrency limit is a whole number from 1 on, not {value!r}")
