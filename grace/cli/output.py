"""What a command says: to people by rich, to programs as one JSON value on standard output."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from rich.console import Console, RenderableType

from grace.cli.options import options

__all__ = ["emit", "iso", "progress"]


def emit(value: object, human: RenderableType | Callable[[], RenderableType]) -> None:
    """Prints `value` as JSON where `--json` was asked, else `human`, built only when needed."""
    if options().as_json:
        print(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))
    else:
        shown = human() if callable(human) else human
        # lines of text are never broken, so that they can be copied; pages and tables are laid out
        _console().print(shown, soft_wrap=isinstance(shown, str))


def progress(line: str) -> None:
    """A step that was taken; with `--json` on standard error: the output stays one value."""
    _console(stderr=options().as_json).print(line, highlight=False, soft_wrap=True)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, as in 2026-03-01T12:00:00.000001Z.

    Raises:
        ValueError: the time has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a time without zone: {moment}")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _console(stderr: bool = False) -> Console:
    return Console(stderr=stderr)


def _plain(value: object) -> Any:
    """What JSON can hold in place of what it cannot."""
    match value:
        case datetime():
            return iso(value)
        case date():
            return value.isoformat()
        case BaseModel():
            return value.model_dump()
        case Enum():
            return value.value
        case UUID() | Path() | Decimal():
            return str(value)
        case set() | frozenset():
            return sorted(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")
