"""Rows from outside into the log, in transactions of some thousand: landed, there, or quarantined.

What lands, what is quarantined and how far the source was read commit together, so that an
ingestion that was killed goes on where it stopped and nothing doubles.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice

from grace.errors import BadInput
from grace.ingestion.counts import SourceCounts
from grace.ingestion.loose import Manner, lacks_key, read_row
from grace.ingestion.outside import OutsideRow, content_digest, content_key, kept_text
from grace.ingestion.reasons import Reason
from grace.store import Store, Writer, quarantine
from grace.store.append import log_table
from tasks.log_access import writing
from tasks.seen_keys import SeenKeys

__all__ = ["Intake", "Progress", "telling"]

ROWS_A_TRANSACTION = 2000

Progress = Callable[[str, int], None]  # source, rows read so far


@dataclass
class _Judged:
    """A row on its way: `row` where it may land, else `reason`."""

    outside: OutsideRow
    row: dict[str, object] | None
    reason: Reason | None
    made_key: str | None = None


@dataclass
class _Tally:
    read: int = 0
    landed: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    new: int = 0


class Intake:
    """One source on its way into the log. `label` is what the rows' `source` column says.

    `keep_place` is called in each transaction with the number of rows read by then; the first
    `skip` rows landed in an ingestion that was cut short: they are only looked at, for their keys.
    """

    def __init__(
        self,
        store: Store,
        source: str,
        label: str,
        manner: Manner,
        now: datetime,
        *,
        progress: Progress | None = None,
        keep_place: Callable[[Writer, int], None] | None = None,
        skip: int = 0,
    ) -> None:
        self._store, self._source, self._label = store, source, label
        self._manner, self._now = manner, now
        self._progress = progress or _silent
        self._keep_place = keep_place or _nowhere
        self._skip = skip
        self._tallies: dict[str, _Tally] = {}
        self._rows = 0

    @property
    def rows(self) -> int:
        """All that were met, those skipped among them."""
        return self._rows

    def run(self, rows: Iterable[OutsideRow]) -> None:
        """Take in all rows. What came before a BadInput of the source lands, then it is raised."""
        trouble: list[BadInput] = []
        coming = _until_trouble(rows, trouble)
        with SeenKeys() as seen:
            while self._rows < self._skip and (part := self._next(coming, self._skip)):
                self._judge(part, seen)
                self._rows += len(part)
            while part := self._next(coming):
                judged = self._judge(part, seen)
                self._rows += len(part)
                self._write(judged)
                self._progress(self._source, self._rows)
        if trouble:
            raise trouble[0]

    def counts(self, note: str | None = None, error: str | None = None) -> tuple[SourceCounts, ...]:
        """One for each table that was met, by name."""
        return tuple(
            SourceCounts(
                source=self._source,
                table=table,
                read=tally.read,
                landed=tally.landed,
                unchanged=tally.read - tally.landed - tally.quarantined.total(),
                quarantined=dict(sorted(tally.quarantined.items())),
                new_in_quarantine=tally.new,
                note=note,
                error=error,
            )
            for table, tally in sorted(self._tallies.items())
        )

    def _next(self, rows: Iterator[OutsideRow], until: int | None = None) -> list[OutsideRow]:
        most = ROWS_A_TRANSACTION if until is None else min(ROWS_A_TRANSACTION, until - self._rows)
        return list(islice(rows, most))

    def _judge(self, part: list[OutsideRow], seen: SeenKeys) -> list[_Judged]:
        judged = [self._read(outside) for outside in part]
        _make_keys(judged, seen)
        _refuse_repeated(judged, seen)
        return judged

    def _read(self, outside: OutsideRow) -> _Judged:
        if isinstance(outside.content, str) or outside.trouble is not None:
            unread = Reason("shape", "the line cannot be read")
            return _Judged(outside, None, outside.trouble or unread)
        found = read_row(log_table(outside.table), outside.content, self._manner)
        if isinstance(found, Reason):
            return _Judged(outside, None, found)
        return _Judged(outside, found, None)

    def _write(self, judged: list[_Judged]) -> None:
        good: dict[str, list[dict[str, object]]] = {}
        refused: dict[str, list[_Judged]] = {}
        with writing(self._store, self._now) as writer:
            for one in judged:
                if one.row is not None and (unfit := writer.unfit(one.outside.table, one.row)):
                    one.row, one.reason = None, Reason("text", unfit)
                if one.row is not None:
                    good.setdefault(one.outside.table, []).append(one.row)
                else:
                    refused.setdefault(one.outside.table, []).append(one)
            landed = {
                table: len(writer.append(table, rows, source=self._label))
                for table, rows in good.items()
            }
            new = {table: self._refuse(writer, refused[table]) for table in refused}
            self._keep_place(writer, self._rows)
        self._count(judged, landed, new)

    def _refuse(self, writer: Writer, refused: list[_Judged]) -> int:
        return quarantine.add(writer.connection, map(self._refusal, refused), self._now)

    def _refusal(self, one: _Judged) -> quarantine.Refusal:
        content = one.outside.content
        return quarantine.Refusal(
            log_table=one.outside.table,
            source=self._source,
            position=one.outside.position,
            digest=content_digest(content),
            reason=str(one.reason),
            row=kept_text(content, self._manner, self._label, one.made_key),
        )

    def _count(
        self, judged: list[_Judged], landed: Mapping[str, int], new: Mapping[str, int]
    ) -> None:
        """After the commit, so that the counts are of what is there."""
        for one in judged:
            tally = self._tallies.setdefault(one.outside.table, _Tally())
            tally.read += 1
            if one.reason is not None:
                tally.quarantined[one.reason.kind] += 1
        for table, count in landed.items():
            self._tallies[table].landed += count
        for table, count in new.items():
            self._tallies[table].new += count


def _make_keys(judged: list[_Judged], seen: SeenKeys) -> None:
    """A row without its natural key gets one made of its content and how often it came before."""
    without = [
        (one, log, content_digest(content))
        for one in judged
        if not isinstance(content := one.outside.content, str)
        and lacks_key(log := log_table(one.outside.table), content)
    ]
    numbers = seen.count([_named("content", log.name, digest) for _, log, digest in without])
    for (one, log, digest), number in zip(without, numbers, strict=True):
        one.made_key = content_key(log.name, digest, number)
        if one.row is not None:
            one.row[log.key[0]] = one.made_key


def _refuse_repeated(judged: list[_Judged], seen: SeenKeys) -> None:
    good = [one for one in judged if one.row is not None]
    keys = [(_key_of(one), one.outside.position) for one in good]
    for one, first in zip(good, seen.first(keys), strict=True):
        if first is not None:
            one.row = None
            one.reason = Reason("repeat", f"key repeated within the source (first at {first})")


def _key_of(one: _Judged) -> bytes:
    log, row = log_table(one.outside.table), one.row or {}
    return _named("key", log.name, *(str(row[name]) for name in log.key))


def _named(*parts: str) -> bytes:
    return sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).digest()[:16]


def _until_trouble(rows: Iterable[OutsideRow], trouble: list[BadInput]) -> Iterator[OutsideRow]:
    try:
        yield from rows
    except BadInput as problem:
        trouble.append(problem)


def telling(say: Callable[[str], None], every: int) -> Progress:
    """Says it in words whenever another `every` rows of a source have been read."""
    last = 0

    def tell(source: str, rows: int) -> None:
        nonlocal last
        if rows // every > last // every:
            say(f"{source}: {rows:,} rows read")
        last = rows

    return tell


def _silent(source: str, rows: int) -> None:
    pass


def _nowhere(writer: Writer, rows: int) -> None:
    pass
