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

__all__ = ["Options", "chosen", "command", "log_settings", "options", "settings"]


@dataclass(frozen=True)
class Options:
    """`log` is None where nobody chose: then `GRACE_LOG` does."""

    as_json: bool = False
    log: str | None = None


chosen: ContextVar[Options] = ContextVar("chosen", default=Options())  # noqa: B039 - frozen


def options() -> Options:
    """Those of the command that is running."""
    return chosen.get()


def settings() -> Settings:
    """Of the log that the running command is about.

    Raises:
        BadInput: a variable, or a line of the file, holds what it cannot.
    """
    return log_settings(options().log)


def log_settings(name: str | None) -> Settings:
    """Of the log of this name, None being the one that `GRACE_LOG` names; raises as above."""
    try:
        found = Settings()
        return found if name is None else found.for_log(name)
    except ValidationError as error:
        raise BadInput("; ".join(map(_wrong_setting, error.errors()))) from error
    except ValueError as error:
        raise BadInput(f"{name!r} names no log: {error}") from None


def command() -> str:
    """How this program is called from here: `grace` where it is on the path, else where it lies."""
    if shutil.which("grace"):
        return "grace"
    return os.path.relpath(Path(sys.prefix, "bin", "grace"))


def _wrong_setting(found: ErrorDetails) -> str:
    name = "_".join(str(part) for part in found["loc"]).upper()
    return f"GRACE_{name} is {found['input']!r}: {found['msg']}"
