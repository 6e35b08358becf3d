"""Learning: new failures of the log become patterns, each under a fingerprint issued once.

One miner at a time: a second process waits for the first and goes on where that one stopped. The
patterns themselves are what the miner knows, so that nothing else has to be kept but its place in
the log; where that is lost, the log is read again and the same fingerprints come of it.
"""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from grace.patterns.errors import parse
from grace.patterns.failures import Failure, count_between, failures_between
from grace.patterns.fingerprint import VERSION, fingerprint
from grace.patterns.mining import Miner, Template
from grace.patterns.pattern import Pattern, read_patterns
from grace.settings import Settings
from grace.store import Store
from grace.store.schema import ledger_head

__all__ = ["learn", "unread"]

READER = "pattern-miner"
STEP = 50_000  # rows of the log a transaction


def learn(settings: Settings, store: Store, now: datetime) -> int:
    """Mine what was logged since the last time; how many patterns were new."""
    with _turn(settings):
        place, size = _place(store), _size(store)
        if place == size:
            return 0
        with store.reading() as connection:
            known = {pattern.fingerprint: pattern for pattern in read_patterns(connection)}
        miner = Miner(Template(each.group, each.issued, each.words) for each in known.values())
        before = len(known)
        for first in range(place, size, STEP):
            _learn_step(store, miner, known, first, min(first + STEP, size), now)
        return len(known) - before


def unread(store: Store) -> int:
    """How many failures were logged since the last time."""
    with store.reading() as connection:
        return count_between(connection, _place(store), _size(store))


@contextmanager
def _turn(settings: Settings) -> Iterator[None]:
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    with (settings.log_dir / "pattern-miner.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _place(store: Store) -> int:
    """The ledger index to go on from; fingerprints of another version begin anew."""
    place = store.cursor(READER)
    if not isinstance(place, dict) or place.get("version") != VERSION:
        return 0
    return int(place["index"])


def _size(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.execute(sa.select(ledger_head.c.size)).scalar_one())


def _learn_step(
    store: Store, miner: Miner, known: dict[str, Pattern], first: int, end: int, now: datetime
) -> None:
    with store.reading() as connection:
        failures = failures_between(connection, first, end)
    changed = list(_changed(known, _mined(miner, failures)))
    known |= {pattern.fingerprint: pattern for pattern in changed}
    with store.writing(now) as writer:
        writer.append("ml_learning_logs", [pattern.row(now) for pattern in changed])
        writer.set_cursor(READER, {"version": VERSION, "index": end})


def _mined(miner: Miner, failures: Iterable[Failure]) -> list[tuple[Template, list[Failure]]]:
    """The templates that were met, as they are after the last failure, with what met them."""
    met: dict[int, tuple[Template, list[Failure]]] = {}
    said: dict[tuple[str | None, ...], Template] = {}
    for failure in failures:
        if not failure.tells:
            continue
        texts = (failure.text, failure.error_type, failure.stack_trace, failure.error_file)
        template = said[texts] if texts in said else miner.add(parse(*texts))
        said[texts] = template
        met.setdefault(id(template), (template, []))[1].append(failure)
    return list(met.values())


def _changed(
    known: dict[str, Pattern], mined: Iterable[tuple[Template, list[Failure]]]
) -> Iterator[Pattern]:
    """Patterns that are new, or whose templates have become wider."""
    for template, failures in mined:
        name = fingerprint(template.group, template.issued)
        if name not in known:
            yield Pattern(
                fingerprint=name,
                group=template.group,
                issued=template.issued,
                words=template.words,
                first_seen=min(failure.at for failure in failures),
                subsystem=failures[0].part,
            )
        elif known[name].words != template.words:
            yield replace(known[name], words=template.words)
