"""One exact change of one target, with its difference and its inverse."""

import json
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, JsonValue, field_validator

__all__ = ["Change"]


class Change(BaseModel):
    """`before` and `after` are JSON values as the lever reads and sets them; None is *absent*."""

    model_config = ConfigDict(frozen=True)

    lever: str
    target: str
    before: JsonValue
    after: JsonValue

    @field_validator("before", "after")
    @classmethod
    def _is_json(cls, value: JsonValue) -> JsonValue:
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            raise ValueError("NaN and infinity are no values that can be set") from None
        return value

    @property
    def inverse(self) -> "Change":
        return self.model_copy(update={"before": self.after, "after": self.before})

    @property
    def diff(self) -> str:
        """A unified-diff-like text: one line out, one line in; of two objects for each key."""
        lines = [f"--- {self.target}", f"+++ {self.target}", *_differences(self.before, self.after)]
        return "\n".join(lines)


def _differences(before: JsonValue, after: JsonValue) -> Iterator[str]:
    """Of objects only the keys that differ; one that is absent on a side has no line there."""
    if not (isinstance(before, dict) and isinstance(after, dict) and before != after):
        yield from _whole("-", before, beside=after)
        yield from _whole("+", after, beside=before)
        return
    for key in sorted(before.keys() | after.keys()):
        if key in before and key in after and before[key] == after[key]:
            continue
        for sign, side in (("-", before), ("+", after)):
            if key in side:
                yield _entry(sign, key, side[key])


def _whole(sign: str, value: JsonValue, *, beside: JsonValue) -> Iterator[str]:
    """A line; an object that comes or goes has one for each key, as wide as a form can show."""
    if beside is None and isinstance(value, dict) and value:
        yield from (_entry(sign, key, value[key]) for key in sorted(value))
    else:
        yield f"{sign} {_show(value)}"


def _entry(sign: str, key: str, value: JsonValue) -> str:
    return f"{sign} {_show(key)}: {json.dumps(value, ensure_ascii=False)}"


def _show(value: JsonValue) -> str:
    """One line whatever the text holds: a line break within it must not pass for the next line."""
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
