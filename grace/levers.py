"""Levers: what Grace can turn, each with read, apply and, through `Change`, diff and inverse.

A lever is found by its name among the entry points of the group `grace.levers`; Grace's own come
through the same door, so a third party adds one by installing a package.
"""

from importlib.metadata import entry_points
from typing import Literal, Protocol

from pydantic import JsonValue

from grace.errors import BadInput
from grace.governance.change import Change
from grace.settings import Settings

__all__ = ["Lever", "find_lever", "lever_names", "verify"]

GROUP = "grace.levers"


class Lever(Protocol):
    """`reach` *shared* means that all runs feel it at once, so that arms side by side cannot be.

    `apply` must set, not add: doing it twice is doing it once. Both calls raise
    `grace.errors.GraceError` where the target cannot be reached or does not exist.
    """

    name: str
    reach: Literal["unit", "shared"]
    reversible: bool

    def read(self, target: str) -> JsonValue: ...

    def check(self, target: str, value: JsonValue) -> None:
        """Raises BadInput where the lever could never take this value."""

    def apply(self, target: str, value: JsonValue) -> None: ...


def lever_names() -> list[str]:
    return sorted(entry.name for entry in entry_points(group=GROUP))


def find_lever(name: str, settings: Settings) -> Lever:
    """The lever of this name for the installation that the log of `settings` is about.

    An entry point is called with the settings. Raises BadInput where there is no such lever.
    """
    for entry in entry_points(group=GROUP, name=name):
        lever: Lever = entry.load()(settings)
        return lever
    raise BadInput(f"there is no lever {name!r}; there are: {', '.join(lever_names()) or 'none'}")


def verify(lever: Lever, change: Change) -> bool:
    """Whether the target now is what the change says."""
    return lever.read(change.target) == change.after
