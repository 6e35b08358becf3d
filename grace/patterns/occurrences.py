"""Which failures of a span were of which pattern, each failure once.

A flow run fails with the error of its task run or subflow: the same error told twice. So a failure
of a flow run does not count where something within it failed with the same pattern.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from grace.patterns.failures import Failure, failures_within
from grace.patterns.library import Library
from grace.store import Store

__all__ = ["Occurrence", "occurrences"]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One failure. `fingerprint` is None for an error not learned yet, or one that tells nothing.

    `unit` is its flow run, or the hour outside Prefect; `run` what failed in it, `part` the task;
    `seconds` how long it had run.
    """

    fingerprint: str | None
    at: datetime
    unit: str
    run: str | None
    part: str | None
    seconds: float | None


def occurrences(
    store: Store, library: Library, since: datetime, until: datetime
) -> list[Occurrence]:
    """From the newest revisions of rows, in the order of time; `until` is not among them."""
    with store.reading() as connection:
        found = [
            (each, _known(library, each)) for each in failures_within(connection, since, until)
        ]
    within = _passed_on(found)
    counted = [
        _occurrence(failure, name)
        for failure, name in found
        if not (failure.is_flow and (failure.unit, name) in within)
    ]
    return sorted(counted, key=lambda each: (each.at, each.unit, each.run or ""))


def _known(library: Library, failure: Failure) -> str | None:
    found = library.match(failure.text, failure.error_type, failure.stack_trace, failure.error_file)
    return found.fingerprint if found else None


def _passed_on(found: Iterable[tuple[Failure, str | None]]) -> set[tuple[str, str | None]]:
    """Flow runs within which something failed, with the pattern of that."""
    return {(failure.holder, name) for failure, name in found if failure.holder and name}


def _occurrence(failure: Failure, name: str | None) -> Occurrence:
    return Occurrence(name, failure.at, failure.unit, failure.run, failure.part, failure.seconds)
