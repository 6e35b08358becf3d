"""Files into the log: each read once, goes on where it was killed, and is left alone unchanged.

How far a file was read stands in a cursor of its name, with the digest of what it held: the same
file again is told by it alone, and a file that changed is read again from its beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from grace.errors import BadInput, Unreachable
from grace.ingestion.counts import Ingested, SourceCounts
from grace.ingestion.loose import Manner, ingestible, time_zone
from grace.store import Store, Writer
from tasks.file_formats import TEXTS, rows_of
from tasks.file_places import FilePlace, digest, find_files
from tasks.intake import Intake, Progress
from tasks.log_access import reachable, writing

__all__ = ["ingest_files"]

LABEL = "file"
RULES = 1  # raised when rows are read otherwise than before, so that files are read again


def ingest_files(
    store: Store,
    paths: Sequence[str],
    now: datetime,
    *,
    table: str | None = None,
    timezone: str | None = "UTC",
    progress: Progress | None = None,
) -> Ingested:
    """Take in the files that paths, globs and URLs name; what each came to.

    Raises BadInput where a path names nothing, or for the table or the time zone; Unreachable
    where the log cannot be written. A file that cannot be read has its `error` and does not keep
    the others.
    """
    if table is not None:
        ingestible(table)
    if timezone is not None:
        time_zone(timezone)
    intake = _FileIntake(store, timezone, now, progress)
    done = Ingested()
    for place in find_files(paths, table):
        done += Ingested(intake.take(place))
    return done


@dataclass(frozen=True)
class _Place:
    """How far a file of one content was read in one manner; `rows` is the number of its rows."""

    digest: str
    table: str | None
    timezone: str | None
    rows: int = 0
    done: bool = False
    rules: int = RULES

    def is_of(self, other: "_Place") -> bool:
        return replace(self, rows=0, done=False) == replace(other, rows=0, done=False)


@dataclass(frozen=True)
class _FileIntake:
    store: Store
    timezone: str | None
    now: datetime
    progress: Progress | None

    def take(self, place: FilePlace) -> tuple[SourceCounts, ...]:
        table = place.table or "-"
        try:
            begin = _Place(digest(place), place.table, self.timezone)
        except BadInput as problem:
            return (SourceCounts(place.name, table, error=str(problem)),)
        last = self._last(place, begin)
        if last.done:
            note = f"unchanged since it was read: {last.rows} rows, nothing to add"
            return (SourceCounts(place.name, table, note=note),)
        return self._read(place, begin, last.rows)

    def _read(self, place: FilePlace, begin: _Place, skip: int) -> tuple[SourceCounts, ...]:
        notes = [f"the first {skip} rows were read before, in a run cut short"] if skip else []
        manner = Manner(TEXTS[place.format], self.timezone)

        def keep(writer: Writer, rows: int) -> None:
            writer.set_cursor(_reader(place), vars(replace(begin, rows=rows)))

        intake = Intake(
            self.store,
            place.name,
            LABEL,
            manner,
            self.now,
            progress=self.progress,
            keep_place=keep,
            skip=skip,
        )
        error = None
        try:
            intake.run(rows_of(place, notes.append))
            self._end(place, replace(begin, rows=intake.rows, done=True))
        except Unreachable:
            raise
        except BadInput as problem:
            error = str(problem)
        empty = SourceCounts(place.name, place.table or "-")
        first, *others = intake.counts() or (empty,)
        if not intake.rows and not error:
            notes.append("no rows")
        return (replace(first, note="; ".join(notes) or None, error=error), *others)

    def _last(self, place: FilePlace, begin: _Place) -> _Place:
        """Where the file was left, if it is the same."""
        with reachable():
            kept = self.store.cursor(_reader(place))
        last = _Place(**kept) if isinstance(kept, dict) and kept.get("rules") == RULES else begin
        return last if last.is_of(begin) else begin

    def _end(self, place: FilePlace, end: _Place) -> None:
        with writing(self.store, self.now) as writer:
            writer.set_cursor(_reader(place), vars(end))


def _reader(place: FilePlace) -> str:
    return f"file:{place.name}"
