"""One exact change of one target, with its difference and its inverse."""

import json

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
        """A unified-diff-like text: one line out, one line in."""
        return (
            f"--- {self.target}\n+++ {self.target}\n- {_show(self.before)}\n+ {_show(self.after)}"
        )


def _show(value: JsonValue) -> str:
    """One line whatever the text holds: a line break within it must not pass for the next line."""
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
