"""The options that every command understands, and what follows from them."""

import os
import shutil
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from grace.errors import BadInput
from grace.settings import Settings

__all__ = ["Options", "chosen", "command", "options", "settings"]


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
    """Of the log that the running command is about.

    Raises:
        BadInput: a variable, or a line of the file, holds what it cannot.
    """
    sample = options().sample
    try:
        found = Settings()
    except ValidationError as error:
        raise BadInput("; ".join(map(_wrong_setting, error.errors()))) from error
    return found if sample is None else found.for_sample(sample)


def command() -> str:
    """How this program is called from here: `grace` where it is on the path, else where it lies."""
    if shutil.which("grace"):
        return "grace"
    return os.path.relpath(Path(sys.prefix, "bin", "grace"))


def _wrong_setting(found: ErrorDetails) -> str:
    name = "_".join(str(part) for part in found["loc"]).upper()
    return f"GRACE_{name} is {found['input']!r}: {found['msg']}"
