"""The options that every command understands, and what follows from them."""

from contextvars import ContextVar
from dataclasses import dataclass

from grace.settings import Settings

__all__ = ["Options", "chosen", "options", "settings"]


@dataclass(frozen=True)
class Options:
    """`sample` is None where nobody chose: then `GRACE_SAMPLE` does."""

    as_json: bool = False
    sample: bool | None = None


chosen: ContextVar[Options] = ContextVar("chosen", default=Options())  # noqa: B039 - frozen


def options() -> Options:
    """Those of the command that is running."""
    return chosen.get()


def settings() -> Settings:
    """Of the log that the running command is about."""
    sample = options().sample
    return Settings() if sample is None else Settings().for_sample(sample)
