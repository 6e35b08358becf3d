"""Errors with known groups: exceptions that Python and libraries really raise, as logs tell them.

Every failure is told in one of the ways in which it reaches Grace's log. The label is the statement
that failed, and with a traceback also the place that called it: there frames are known.
"""

import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks._statements import STATEMENTS, Values

__all__ = ["Told", "exceptions"]


@dataclass(frozen=True)
class Told:
    """One line of a log, with the group it belongs to."""

    text: str
    label: str
    error_type: str | None = None
    stack_trace: str | None = None


# the same statement called from two places, and while another error is handled
_PLACES = {
    "etl/load.py": "def load(statement):\n    return statement()\n",
    "etl/publish.py": "def publish(statement):\n    return statement()\n",
    "etl/recover.py": (
        "def recover(statement):\n"
        "    try:\n"
        "        open('/nowhere/at/all')\n"
        "    except OSError:\n"
        "        return statement()\n"
    ),
}


def _place(file: str, source: str) -> Callable[[Callable[[], object]], object]:
    scope: dict[str, Callable[[Callable[[], object]], object]] = {}
    exec(compile(source, file, "exec"), scope)
    return scope[Path(file).stem]


PLACES = {file: _place(file, source) for file, source in _PLACES.items()}


def _in_state(what: str) -> Callable[[Exception, str], Told]:
    return lambda error, label: Told(f"{what} {type(error).__name__}: {error}", label)


def _in_retry(error: Exception, label: str) -> Told:
    """As Prefect's log line of an attempt is ingested: the type is read where there is one."""
    told = repr(error)
    return Told(
        told, label, type(error).__name__ if told.startswith(type(error).__name__) else None
    )


def _in_line(error: Exception, label: str) -> Told:
    text = f"Task run failed with exception: {error!r} - Retry 1/3 will start immediately"
    return Told(text, label)


def _as_logged(error: Exception, label: str) -> Told:
    return Told(str(error), label, type(error).__name__)


def _traced(error: Exception, label: str) -> Told:
    return Told("".join(traceback.format_exception(error)), label)


def _beside(error: Exception, label: str) -> Told:
    trace = "".join(traceback.format_exception(error))
    return Told(str(error), label, type(error).__qualname__, trace)


WITHOUT_FRAMES: Sequence[Callable[[Exception, str], Told]] = (
    _in_state("Task run encountered an exception"),
    _in_state("Flow run encountered an exception:"),
    _in_retry,
    _in_line,
    _as_logged,
)
WITH_FRAMES = (_traced, _beside)


def exceptions(rng: random.Random, lines: int) -> Iterator[Told]:
    """Statements, ways of telling and places are drawn alike; a third has frames."""
    names, values = list(STATEMENTS), Values(rng)
    for _ in range(lines):
        name, file = rng.choice(names), rng.choice(list(PLACES))
        error = _failure(STATEMENTS[name], file, values)
        if rng.random() < 1 / 3:
            yield rng.choice(WITH_FRAMES)(error, f"{name} in {file}")
        else:
            yield rng.choice(WITHOUT_FRAMES)(error, name)


def _failure(statement: Callable[[Values], object], file: str, values: Values) -> Exception:
    try:
        PLACES[file](lambda: statement(values))
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is wanted
        return error
    raise LookupError("a statement that was to fail did not")
