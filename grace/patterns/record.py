"""What each kind of fix has done to an error pattern so far, from the healing attempts."""

from dataclasses import dataclass

import pandas as pd

from grace.patterns.library import Library
from grace.store import Store
from grace.store.read import newest

__all__ = ["Record", "records", "records_of"]


@dataclass(frozen=True)
class Record:
    """Finished attempts alone; those of one flow run are not independent of each other."""

    attempts: int
    successes: int


def records(attempts: pd.DataFrame, library: Library) -> dict[str, dict[str, Record]]:
    """By fingerprint and kind of fix; `attempts` are rows of `healing_attempts`."""
    finished = attempts[attempts["success"].notna() & attempts["error_message"].notna()]
    found: dict[str, dict[str, Record]] = {}
    columns = ("error_message", "error_type", "stack_trace", "fix_type", "success")
    for text, kind, trace, fix, success in zip(*(finished[c] for c in columns), strict=True):
        pattern = library.match(text, kind, trace)
        if pattern is None or fix is None:
            continue
        fixes = found.setdefault(pattern.fingerprint, {})
        before = fixes.get(fix, Record(0, 0))
        fixes[fix] = Record(before.attempts + 1, before.successes + bool(success))
    return found


def records_of(store: Store, library: Library, fingerprint: str) -> dict[str, Record]:
    """By kind of fix, over the whole log."""
    return records(newest(store, "healing_attempts"), library).get(fingerprint, {})
