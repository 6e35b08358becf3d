"""Patterns and rules as governed code sees them: read again every few seconds."""

from dataclasses import dataclass

from grace.patterns.library import Library
from grace.patterns.rules import Rule, active_rules
from grace.settings import Settings
from grace.store import open_store

__all__ = ["FRESH_SECONDS", "Live", "Match"]

FRESH_SECONDS = 5.0


@dataclass(frozen=True)
class Match:
    """`rule` is None where nothing was approved for the pattern."""

    fingerprint: str
    template: str
    rule: Rule | None


class Live:
    """What the log said at the last look; a change takes effect within `FRESH_SECONDS`."""

    def __init__(self) -> None:
        self._library = Library([])
        self._rules: dict[str, Rule] = {}
        self._url = ""
        self._read_at: float | None = None

    def match(self, message: str, error_type: str | None, now: float) -> Match | None:
        self._refresh(now)
        found = self._library.match(message, error_type)
        if found is None:
            return None
        return Match(found.fingerprint, found.template, self._rules.get(found.fingerprint))

    def _refresh(self, now: float) -> None:
        url = Settings().url
        fresh = self._read_at is not None and now - self._read_at < FRESH_SECONDS
        if fresh and url == self._url:
            return
        store = open_store(url, create=False)
        try:
            self._library, self._rules = Library.load(store), active_rules(store)
        finally:
            store.engine.dispose()
        self._url, self._read_at = url, now
