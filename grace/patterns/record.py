"""What each kind of fix has done to an error pattern so far, from the healing attempts."""

from dataclasses import dataclass

import pandas as pd

from grace.patterns.library import Library
from grace.store import Store
from grace.store.read import newest

__all__ = ["Record", "of_pattern", "records", "records_of"]


@dataclass(frozen=True)
class Record:
    """Finished attempts alone; those of one flow run are not independent of each other."""

    attempts: int
    successes: int


def records(attempts: pd.DataFrame, library: Library) -> dict[str, dict[str, Record]]:
    """By fingerprint and kind of fix; `attempts` are rows of `healing_attempts`."""
    finished = attempts[attempts["success"].notna() & attempts["fix_type"].notna()]
    found: dict[str, dict[str, Record]] = {}
    patterns = _patterns(finished, library)
    for pattern, fix, success in zip(
        patterns, finished["fix_type"], finished["success"], strict=True
    ):
        if pattern is None:
            continue
        fixes = found.setdefault(pattern, {})
        before = fixes.get(fix, Record(0, 0))
        fixes[fix] = Record(before.attempts + 1, before.successes + bool(success))
    return found


def of_pattern(attempts: pd.DataFrame, library: Library, fingerprint: str) -> list[bool]:
    """Which attempts were made at one error pattern."""
    return [found == fingerprint for found in _patterns(attempts, library)]


def records_of(store: Store, library: Library, fingerprint: str) -> dict[str, Record]:
    """By kind of fix, over the whole log."""
    return records(newest(store, "healing_attempts"), library).get(fingerprint, {})


def _patterns(attempts: pd.DataFrame, library: Library) -> list[str | None]:
    """The fingerprint of each attempt's error; pandas keeps what is missing as NaN."""
    columns = attempts[["error_message", "error_type", "stack_trace"]].astype(object)
    told = columns.where(columns.notna(), None).itertuples(index=False, name=None)
    found = (library.match(*each) if isinstance(each[0], str) else None for each in told)
    return [each.fingerprint if each else None for each in found]
