"""Tallies of a window, exact whatever the state of the rollups.

Only hours that no later row touched are taken from the table; the rest, and the broken hours at
the ends of the window, are computed from the rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from grace.analysis.headlines import is_brief
from grace.analysis.library import Library, read_library
from grace.analysis.rollups import TOPICS, ledger_size, position_of
from grace.analysis.rows import Topic, first_time, observe_rows
from grace.analysis.rules import Rules
from grace.analysis.tally import WHOLE, Hours, Tally
from grace.store.hours import HOUR, Span, spans_of, touched
from grace.store.schema import rollups

__all__ = ["Reader", "open_reader"]


@dataclass(frozen=True)
class Reader:
    """Of the ledger's first `size` rows, within the one snapshot of its connection.

    `stale` holds, for each topic, the hours that the table lacks or has as they were; None where
    it has nothing.
    """

    connection: Connection
    rules: Rules
    size: int
    library: Library
    stale: dict[str, set[int]] | None

    def hours(self, since: int, until: int, *, brief: bool = False) -> Hours:
        """The tallies of the rows in a window, by hour; only those of headlines for `brief`."""
        whole = (min(-(-since // HOUR) * HOUR, until), max(until // HOUR * HOUR, since))
        found: Hours = {}
        for hour, measure, part, state in self._kept(whole, brief):
            if not self._is_stale(measure.partition(".")[0], hour):
                found.setdefault(hour, {})[measure, part] = Tally.from_text(state)
        for topic in TOPICS:
            for span in self._raw(topic, (since, until), whole):
                raw = observe_rows(self.connection, topic, span, self.rules)
                for hour, tallied in raw.items():
                    kept = found.setdefault(hour, {})
                    kept |= {key: one for key, one in tallied.items() if not brief or is_brief(key)}
        return found

    def first_time(self) -> int | None:
        """When the log begins, in microseconds since 1970."""
        found = (first_time(self.connection, topic) for topic in TOPICS)
        return min((one for one in found if one is not None), default=None)

    def _is_stale(self, topic: str, hour: int) -> bool:
        return self.stale is None or hour in self.stale[topic]

    def _raw(self, topic: Topic, window: Span, whole: Span) -> Iterator[Span]:
        """What must be read of the rows themselves; no two of the spans share an hour."""
        if whole[0] >= whole[1]:
            yield window
            return
        hours = range(whole[0], whole[1], HOUR)
        yield from spans_of(hour for hour in hours if self._is_stale(topic.name, hour))
        yield from (
            span for span in ((window[0], whole[0]), (whole[1], window[1])) if span[0] < span[1]
        )

    def _kept(self, whole: Span, brief: bool) -> Iterable[sa.Row[tuple[int, str, str, str]]]:
        if self.stale is None:
            return []
        hour = sa.type_coerce(rollups.c.hour, sa.BigInteger)
        query = sa.select(hour, rollups.c.measure, rollups.c.part, rollups.c.state).where(
            hour >= whole[0], hour < whole[1], rollups.c.measure.contains(".")
        )
        if brief:
            is_wanted = (rollups.c.part == WHOLE) | rollups.c.measure.endswith(".type")
            query = query.where(is_wanted)
        return self.connection.execute(query)


def open_reader(connection: Connection, rules: Rules) -> Reader:
    position, size = position_of(connection, rules), ledger_size(connection)
    library = read_library(connection, position.size, size)
    if position.is_fresh:
        return Reader(connection, rules, size, library, None)
    stale = {
        topic.name: touched(connection, topic.log, position.target, size)
        | set(position.left.get(topic.name, []))
        for topic in TOPICS
    }
    return Reader(connection, rules, size, library, stale)
