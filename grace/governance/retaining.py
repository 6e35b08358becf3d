"""How many archives of the log are kept; none is ever deleted by default."""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Retaining"]

Count: TypeAlias = Annotated[int, Field(ge=0, le=10_000, strict=True)]


class Retaining(BaseModel):
    """Of the last so many days, ISO weeks and months that have an archive the newest is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_daily: Count = 0
    keep_weekly: Count = 0
    keep_monthly: Count = 0

    @property
    def is_on(self) -> bool:
        return bool(self.keep_daily or self.keep_weekly or self.keep_monthly)

    @property
    def told(self) -> str:
        return f"{self.keep_daily} daily, {self.keep_weekly} weekly, {self.keep_monthly} monthly"
