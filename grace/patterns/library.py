"""The library of error patterns: what was mined, under fingerprints that are issued once.

A pattern is a row of `ml_learning_logs` with the id `pattern:FINGERPRINT`. Its template may grow
wider with later messages, which is a revision of the row; the fingerprint stays.
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from grace.errors import BadInput
from grace.patterns.errors import Error, parse
from grace.patterns.mining import Miner, Template
from grace.settings import Settings
from grace.store import Store
from grace.store.schema import LOGS
from grace.values import from_microseconds, microseconds

__all__ = ["Library", "Pattern", "learn"]

READER = "pattern-miner"
PREFIX = "pattern:"
VERSION = 1
TABLE = LOGS["ml_learning_logs"].table

# where errors stand, by table: the text, its type and trace where they are columns
SOURCES = (
    ("parallel_process_logs", "error", None, None),
    ("healing_attempts", "error_message", "error_type", "stack_trace"),
    ("shard_logs", "error_message", None, None),
)


@dataclass(frozen=True)
class Pattern:
    """`words` is the template as the miner keeps it, `number` its place among them."""

    fingerprint: str
    type: str | None
    words: tuple[str, ...]
    number: int
    first_seen: datetime

    @property
    def template(self) -> str:
        text = Template(self.number, self.words).text
        return f"{self.type}: {text}" if self.type else text


class Library:
    """The patterns that a log holds, as they stood when it was loaded."""

    def __init__(self, patterns: list[Pattern]) -> None:
        self._by_number = {each.number: each for each in patterns}
        self._by_fingerprint = {each.fingerprint: each for each in patterns}
        self._miner = Miner(each.words for each in patterns)
        self._known: dict[str, str | None] = {}

    @classmethod
    def load(cls, store: Store) -> "Library":
        with store.reading() as connection:
            return cls(_patterns(connection))

    def __iter__(self) -> Iterator[Pattern]:
        return iter(self._by_number.values())

    def pattern(self, fingerprint: str) -> Pattern:
        """Raises BadInput for a fingerprint that was never issued."""
        try:
            return self._by_fingerprint[fingerprint]
        except KeyError:
            raise BadInput(
                f"there is no error pattern {fingerprint!r}; see `grace patterns`"
            ) from None

    def match(
        self, text: str, error_type: str | None = None, stack_trace: str | None = None
    ) -> Pattern | None:
        """The pattern that an error fits, None where it is of a kind not seen so far."""
        found = self._miner.match(parse(text, error_type, stack_trace))
        return None if found is None else self._by_number[found.number]

    def fingerprint_of(self, text: str) -> str | None:
        """As `match`; a text that was looked up before is not parsed again."""
        if text not in self._known:
            found = self.match(text)
            self._known[text] = found.fingerprint if found else None
        return self._known[text]


def learn(settings: Settings, store: Store, now: datetime) -> int:
    """Mine what was logged since the last time; how many patterns are new.

    One miner at a time: a second waits, and finds nothing left to do.
    """
    with _one_miner(settings), store.writing(now) as writer:
        patterns = {each.number: each for each in _patterns(writer.connection)}
        miner = Miner(each.words for each in patterns.values())
        until, place = writer.size, store.cursor(READER)
        since = place if isinstance(place, int) else 0
        seen: dict[int, tuple[Template, Error, datetime]] = {}
        for error, at in _errors(writer.connection, since, until):
            template = miner.add(error)
            first = seen.get(template.number)
            seen[template.number] = (
                template,
                first[1] if first else error,
                first[2] if first else at,
            )
        changed = [
            _updated(patterns.get(number), *each)
            for number, each in seen.items()
            if number not in patterns or patterns[number].words != each[0].words
        ]
        writer.append("ml_learning_logs", [_row(each, now) for each in changed])
        writer.set_cursor(READER, until)
        return sum(each.number not in patterns for each in changed)


@contextmanager
def _one_miner(settings: Settings) -> Iterator[None]:
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    with (settings.log_dir / "patterns.mining").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _errors(connection: sa.Connection, since: int, until: int) -> Iterator[tuple[Error, datetime]]:
    """Errors by ledger index: what a task said, what was healed or not, what a shard said."""
    for name, text, kind, trace in SOURCES:
        table = LOGS[name].table
        columns = [
            table.c[text],
            table.c[kind] if kind else sa.null(),
            table.c[trace] if trace else sa.null(),
            table.c[LOGS[name].time],
            table.c.recorded_at,
        ]
        query = (
            sa.select(*columns)
            .where(table.c.ledger_index >= since, table.c.ledger_index < until)
            .where(table.c[text].is_not(None), table.c.source != "grace")
            .order_by(table.c.ledger_index)
        )
        if "success" in table.c and name != "healing_attempts":
            query = query.where(table.c.success.is_(False))
        for said, error_type, stack_trace, at, recorded_at in connection.execute(query):
            yield parse(said, error_type, stack_trace), at or recorded_at


def _updated(old: Pattern | None, template: Template, error: Error, at: datetime) -> Pattern:
    if old is not None:
        return replace(old, words=template.words)
    return Pattern(_fingerprint(template), error.type, template.words, template.number, at)


def _fingerprint(template: Template) -> str:
    """Of the template as it was when it was issued, its number keeping two alike apart."""
    said = json.dumps([VERSION, template.number, list(template.words)], ensure_ascii=False)
    return f"p{VERSION}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def _row(pattern: Pattern, now: datetime) -> dict[str, object]:
    told = {
        "number": pattern.number,
        "words": pattern.words,
        "type": pattern.type,
        "version": VERSION,
        "first_seen": microseconds(pattern.first_seen),
    }
    return {
        "learning_id": f"{PREFIX}{pattern.fingerprint}",
        "learning_type": "pattern_update",
        "subsystem": "grace.patterns",
        "pattern_name": pattern.template,
        "data_sources": told,
        "timestamp": now,
    }


def _patterns(connection: sa.Connection) -> list[Pattern]:
    """The newest revision of each, in the order of their numbers."""
    query = (
        sa.select(TABLE.c.learning_id, TABLE.c.data_sources)
        .where(TABLE.c.learning_id.startswith(PREFIX, autoescape=True))
        .where(TABLE.c.subsystem == "grace.patterns", TABLE.c.data_sources.is_not(None))
        .order_by(TABLE.c.revision)
    )
    newest = {key: json.loads(told) for key, told in connection.execute(query)}
    found = [
        Pattern(
            fingerprint=key.removeprefix(PREFIX),
            type=told["type"],
            words=tuple(told["words"]),
            number=told["number"],
            first_seen=from_microseconds(told["first_seen"]),
        )
        for key, told in newest.items()
    ]
    return sorted(found, key=lambda each: each.number)
