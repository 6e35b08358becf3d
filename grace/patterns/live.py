"""Patterns and rules as a governed process sees them, read again every few seconds."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from grace.patterns.errors import Error
from grace.patterns.library import Library, Pattern
from grace.patterns.record import Record, recorded
from grace.patterns.rules import Rule, active_rules
from grace.store import Store, open_store
from grace.store.schema import LOGS

__all__ = ["FRESH_SECONDS", "Live", "Match"]

FRESH_SECONDS = 5.0
RECORD_DAYS = timedelta(days=30)


@dataclass(frozen=True)
class Match:
    """`rule` is None where none is active; `record` tells of each kind of fix in 30 days."""

    pattern: Pattern
    rule: Rule | None
    record: dict[str, Record]

    @property
    def fingerprint(self) -> str:
        return self.pattern.fingerprint

    @property
    def template(self) -> str:
        return self.pattern.template


class Live:
    """One log as it was at the last look; what changes there takes effect within 5 seconds.

    A look that finds nothing new costs two look-ups in an index. `now` is seconds of any clock that
    only goes forward.
    """

    def __init__(self, url: str) -> None:
        self._store: Store | None = None
        self._url = url
        self._library = Library()
        self._rules: dict[str, Rule] = {}
        self._records: dict[str, dict[str, Record]] | None = None
        self._looked_at: float | None = None
        self._newest: tuple[int, int] = (-1, -1)
        self._turn = threading.Lock()

    def match(
        self, message: str, error_type: str | None, unit: str | UUID | None, now: float
    ) -> Match | None:
        with self._turn:
            self._look(now)
            found = self._library.match(message, error_type)
            if found is None:
                return None
            record = self._record(found.fingerprint)
            return Match(found, self._rule(found, unit), record)

    def rule_for(self, error: Error, unit: str | UUID | None, now: float) -> Rule | None:
        """The active rule of the error's pattern; its record is not looked up."""
        with self._turn:
            self._look(now)
            found = self._library.find(error)
            return self._rule(found, unit) if found else None

    def _rule(self, pattern: Pattern, unit: str | UUID | None) -> Rule | None:
        rule = self._rules.get(pattern.fingerprint)
        return rule.for_unit(unit) if rule else None

    def _look(self, now: float) -> None:
        if self._looked_at is not None and now - self._looked_at < FRESH_SECONDS:
            return
        self._store = self._store or open_store(self._url, create=False)
        newest = _newest(self._store)
        if newest[0] != self._newest[0]:
            self._library, self._rules = Library.load(self._store), active_rules(self._store)
        if newest != self._newest:
            self._records = None
        self._newest, self._looked_at = newest, now

    def _record(self, fingerprint: str) -> dict[str, Record]:
        if self._records is None and self._store is not None:
            until = datetime.now(UTC) + timedelta(days=1)
            self._records = recorded(self._store, self._library, until - RECORD_DAYS, until)
        return (self._records or {}).get(fingerprint, {})


def _newest(store: Store) -> tuple[int, int]:
    """The newest rows of what was learned and of what was tried, -1 where there is none."""
    tables = [LOGS[name].table for name in ("ml_learning_logs", "healing_attempts")]
    newest = [sa.select(sa.func.max(table.c.ledger_index)).scalar_subquery() for table in tables]
    with store.reading() as connection:
        learned, tried = connection.execute(sa.select(*newest)).one()
    return (-1 if learned is None else learned, -1 if tried is None else tried)
