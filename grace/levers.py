"""Levers: what Grace can turn, each with read, apply and, through `Change`, diff and inverse.

A lever is found by its name among the entry points of the group `grace.levers`; Grace's own come
through the same door, so a third party adds one by installing a package (`docs/levers.md`).
"""

from importlib.metadata import entry_points
from typing import Literal, Protocol, runtime_checkable

from pydantic import JsonValue

from grace.errors import BadInput
from grace.governance.change import Change
from grace.settings import Settings

__all__ = [
    "Lever",
    "completed",
    "find_lever",
    "goes_to_and_fro",
    "is_reversible",
    "lever_for",
    "lever_names",
    "verify",
]

GROUP = "grace.levers"

# by what stands before the colon of a target; for any other lever it is named
OF_KIND = {
    "archives": "delete-archives",
    "deployment": "concurrency-limit",
    "global": "concurrency-limit",
    "parameters": "deployment-parameters",
    "pattern": "pattern-rule",
    "permit": "earned-permit",
    "retries": "default-retries",
    "row": "erase-row",
    "run": "run-deployment",
    "schedule": "deployment-schedule",
    "tag": "concurrency-limit",
    "variable": "prefect-variable",
    "webhook": "signed-webhook",
    "work-pool": "concurrency-limit",
    "work-queue": "concurrency-limit",
}


class Lever(Protocol):
    """`reach` *shared* means that all runs feel it at once, so that arms side by side cannot be;
    one of reach *unit* is a `UnitLever` too.

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


@runtime_checkable
class _Completing(Protocol):
    """A lever of which a person may say less than the target will read."""

    def complete(self, target: str, value: JsonValue) -> JsonValue:
        """The whole value, with what was left out as it is now; a proposal holds this one."""


@runtime_checkable
class _Partly(Protocol):
    """A lever that can take some targets back and others not, whatever `reversible` says."""

    def reverses(self, target: str) -> bool: ...


@runtime_checkable
class _OneWay(Protocol):
    """A lever that can be taken back and yet not be moved to and fro to measure it."""

    to_and_fro: Literal[False]


@runtime_checkable
class UnitLever(Protocol):
    """What a lever of reach *unit* has besides: whoever it governs is told by unit what holds."""

    def split(self, change: Change, experiment: str, share: float) -> JsonValue:
        """The value under which units go by `before` or `after`, as `grace.assign` says."""


def lever_names() -> list[str]:
    return sorted(entry.name for entry in entry_points(group=GROUP))


def lever_for(target: str) -> str:
    """The name of the lever that turns a target of this kind."""
    return OF_KIND.get(target.partition(":")[0], "concurrency-limit")


def find_lever(name: str, settings: Settings) -> Lever:
    """The lever of this name for the installation that the log of `settings` is about.

    An entry point is called with the settings. Raises BadInput where there is no such lever.
    """
    for entry in entry_points(group=GROUP, name=name):
        lever: Lever = entry.load()(settings)
        return lever
    raise BadInput(f"there is no lever {name!r}; there are: {', '.join(lever_names()) or 'none'}")


def completed(lever: Lever, target: str, value: JsonValue) -> JsonValue:
    """What the target will read once the value is set."""
    return lever.complete(target, value) if isinstance(lever, _Completing) else value


def is_reversible(lever: Lever, target: str) -> bool:
    return lever.reverses(target) if isinstance(lever, _Partly) else lever.reversible


def goes_to_and_fro(lever: Lever) -> bool:
    return not isinstance(lever, _OneWay)


def verify(lever: Lever, change: Change) -> bool:
    """Whether the target now is what the change says."""
    return lever.read(change.target) == change.after
