"""A permit that a record earned: decisions of one type need not ask. Target: `permit:TYPE`.

It is one statement of `earned.cedar` beside the log of `GRACE_*`, unless other settings are given.
The value is true for every system that asks, or an object with the `systems` that need not, and the
`reason` that the rule gives; absent, they ask again. A forbid of the policy wins in either case.
"""

from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from grace.errors import BadInput
from grace.files import locked, remove_whole, write_whole
from grace.governance.earned import permit_in, read_permit, with_permit
from grace.governance.policy import check_earned, read_earned
from grace.settings import Settings

__all__ = ["EarnedPermit"]


class EarnedPermit:
    name = "earned-permit"
    # the policy is one for all that ask
    reach: Literal["unit", "shared"] = "shared"
    reversible = True

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def read(self, target: str) -> JsonValue:
        """The permit as it was set; `{"edited": …}` where somebody changed its rule by hand."""
        settings = self._settings
        return permit_in(settings.earned_file, read_earned(settings), _decision_type(target))

    def check(self, target: str, value: JsonValue) -> None:
        _decision_type(target)
        if value is not None:
            read_permit(value)

    def apply(self, target: str, value: JsonValue) -> None:
        """Set the permit, None taking it away; a file that could not be read is left as it is."""
        settings, decision_type = self._settings, _decision_type(target)
        file = settings.earned_file
        try:
            with locked(file.with_name("earned.lock")):
                old = read_earned(settings)
                new = with_permit(file, old, decision_type, value)
                check_earned(settings, new)
                if new != old:
                    _replace(file, new)
        except OSError as problem:
            raise BadInput(f"{file}: {problem.strerror}") from None


def _replace(file: Path, text: str | None) -> None:
    if text is None:
        remove_whole(file)
    else:
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
        write_whole(file, text, mode)


def _decision_type(target: str) -> str:
    kind, _, decision_type = target.partition(":")
    if kind != "permit" or not decision_type.strip():
        raise BadInput(f"{target!r} is no permit; write permit:TYPE, the type of the decisions")
    try:
        target.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{target!r} holds what is no Unicode text") from None
    return decision_type
