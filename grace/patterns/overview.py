"""What a log tells of each of its patterns, for people to look at."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from grace.patterns.library import Library, Pattern
from grace.patterns.occurrences import Occurrence, occurrences
from grace.patterns.rules import Rule, active_rules
from grace.patterns.standing import HISTORY, State, standing
from grace.store import Store
from grace.store.schema import LOGS

__all__ = ["Overview", "Row", "overview"]


@dataclass(frozen=True)
class Row:
    """`share` is that of runs of the tasks in which it occurs that met with it, healed or not.

    Counts are those of the span that was asked for; `last_seen` is None where it is longer ago than
    the state looks back.
    """

    fingerprint: str
    name: str
    template: str
    state: State
    failures: int
    failing_flow_runs: int
    share: float | None
    tasks: tuple[str, ...]
    rule: Rule | None
    first_seen: datetime
    last_seen: datetime | None


@dataclass(frozen=True)
class Overview:
    """`unmatched` failures of the span are of no pattern: not learned yet, or without a message."""

    rows: tuple[Row, ...]
    unmatched: int


def overview(store: Store, now: datetime, span: timedelta = timedelta(days=7)) -> Overview:
    """Every pattern, the one with most failing flow runs in the span first."""
    library, rules = Library.load(store), active_rules(store)
    found = occurrences(store, library, now - max(span, HISTORY), now)
    of: dict[str | None, list[Occurrence]] = {}
    for each in found:
        of.setdefault(each.fingerprint, []).append(each)
    ended = _ended(store, now - span, now)
    rows = [
        _row(pattern, of.get(pattern.fingerprint, []), ended, rules, now, now - span)
        for pattern in library
    ]
    unmatched = sum(each.at >= now - span for each in of.get(None, []))
    ordered = sorted(rows, key=lambda row: (-row.failing_flow_runs, -row.failures, row.fingerprint))
    return Overview(tuple(ordered), unmatched)


def _row(
    pattern: Pattern,
    found: Sequence[Occurrence],
    ended: dict[str, int],
    rules: dict[str, Rule],
    now: datetime,
    since: datetime,
) -> Row:
    within = [each for each in found if each.at >= since]
    tasks = sorted({each.part for each in within if each.part})
    runs = sum(ended.get(task, 0) for task in tasks)
    struck = len({each.run for each in within if each.run and each.part in ended})
    return Row(
        fingerprint=pattern.fingerprint,
        name=pattern.name,
        template=pattern.template,
        state=standing(pattern.first_seen, _hourly(found), now),
        failures=len(within),
        failing_flow_runs=len({each.unit for each in within}),
        share=struck / runs if runs else None,
        tasks=tuple(tasks),
        rule=rules.get(pattern.fingerprint),
        first_seen=pattern.first_seen,
        last_seen=found[-1].at if found else None,
    )


def _hourly(found: Sequence[Occurrence]) -> dict[datetime, int]:
    """Failing flow runs by hour, each in its first; `found` is in the order of time."""
    first: dict[str, datetime] = {}
    for each in found:
        first.setdefault(each.unit, each.at)
    return Counter(at.replace(minute=0, second=0, microsecond=0) for at in first.values())


def _ended(store: Store, since: datetime, until: datetime) -> dict[str, int]:
    """Runs that ended with a success or a failure, by task."""
    table = LOGS["parallel_process_logs"].table
    query = (
        sa.select(table.c.task_name, sa.func.count(table.c.process_id.distinct()))
        .where(table.c.timestamp >= since, table.c.timestamp < until)
        .where(table.c.success.is_not(None), table.c.task_name.is_not(None))
        .group_by(table.c.task_name)
    )
    with store.reading() as connection:
        return dict(connection.execute(query).tuples().all())
