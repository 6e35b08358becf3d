"""One Prefect variable, which governed code reads by `grace.prefect.setting`.

A target is written `variable:NAME`.
"""

import re
from typing import Literal

from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from pydantic import JsonValue

from grace.errors import BadInput
from grace.settings import Settings
from tasks.watched import watched_client

__all__ = ["PrefectVariable"]

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class PrefectVariable:
    name = "prefect-variable"
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def read(self, target: str) -> JsonValue:
        """The value, or None where there is no such variable."""
        with watched_client(self._settings) as client:
            found = client.read_variable_by_name(_variable(target))
        value: JsonValue = None if found is None else found.value
        return value

    def check(self, target: str, value: JsonValue) -> None:
        _variable(target)
        if value is None:
            raise BadInput("a variable is set to a value; null would take it away")

    def apply(self, target: str, value: JsonValue) -> None:
        """Set the variable; None takes it away, which is the inverse of setting a new one."""
        name = _variable(target)
        with watched_client(self._settings, writing=True) as client:
            exists = client.read_variable_by_name(name) is not None
            if value is None and exists:
                client.delete_variable_by_name(name)
            elif value is not None and exists:
                client.update_variable(VariableUpdate(name=name, value=value))
            elif value is not None:
                client.create_variable(VariableCreate(name=name, value=value))


def _variable(target: str) -> str:
    kind, _, name = target.partition(":")
    if kind != "variable" or not NAME.fullmatch(name):
        raise BadInput(
            f"{target!r} is no Prefect variable; write variable:NAME in lower case, digits, - and _"
        )
    return name
