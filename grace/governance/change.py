"""One exact change of one target, with its difference and its inverse."""

from pydantic import BaseModel, ConfigDict, JsonValue

__all__ = ["Change"]


class Change(BaseModel):
    """`before` and `after` are JSON values as the lever reads and sets them; None is *absent*."""

    model_config = ConfigDict(frozen=True)

    lever: str
    target: str
    before: JsonValue
    after: JsonValue

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
    return "no limit" if value is None else str(value)
