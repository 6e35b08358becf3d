"""Which words in free-text status columns mean what: the tables of the analysis, as configuration.

Each is a variable `GRACE_ANALYSIS_...` (a JSON list) or a line of the file `grace.env`. Changing
one rebuilds every hourly figure, since those are kept classified.
"""

from hashlib import sha256

from pydantic import ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from grace.errors import BadInput

__all__ = ["Rules", "load_rules", "word"]

FORMAT = 1  # of the hourly tallies and what is counted in them


def word(status: object) -> str:
    """A status as the tables know it: without case and space around; null is the empty word."""
    return status.strip().casefold() if isinstance(status, str) else ""


class Rules(BaseSettings):
    """A decision is executed or open by its status, else it was not executed."""

    model_config = SettingsConfigDict(
        env_prefix="GRACE_ANALYSIS_", env_file="grace.env", extra="ignore", frozen=True
    )

    executed: frozenset[str] = frozenset({"executed", "success", "completed", "applied"})
    open: frozenset[str] = frozenset({"started", "processing", "pending", "resumed"})
    approved: frozenset[str] = frozenset({"approved"})
    refused: frozenset[str] = frozenset({"rejected", "refused", "denied", "declined"})
    cancelled: frozenset[str] = frozenset({"cancelled", "canceled"})

    @field_validator("*", mode="after")
    @classmethod
    def _as_words(cls, given: frozenset[str]) -> frozenset[str]:
        return frozenset(map(word, given))

    @model_validator(mode="after")
    def _mean_one_thing(self) -> "Rules":
        both = (self.executed & self.open) | (self.approved & self.refused)
        if both:
            raise ValueError(f"{', '.join(sorted(both))} cannot mean two things")
        return self

    @property
    def digest(self) -> str:
        """Changes when hourly tallies that were made before no longer hold."""
        tables = [f"{name}={sorted(value)}" for name, value in sorted(vars(self).items())]
        return sha256(f"{FORMAT} {' '.join(tables)}".encode()).hexdigest()[:16]


def load_rules() -> Rules:
    """As the environment has them. Raises BadInput for a table that cannot be read."""
    try:
        return Rules()
    except (SettingsError, ValidationError) as problem:
        reason = " ".join(str(problem).split())
        raise BadInput(f"GRACE_ANALYSIS_... must be JSON lists of words: {reason}") from None
