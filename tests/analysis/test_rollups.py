"""Hourly figures advanced by new rows only say what all rows say."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from grace.analysis import rollups
from grace.analysis.reader import open_reader
from grace.analysis.rollups import advance
from grace.analysis.rules import Rules
from grace.analysis.window import analyse
from grace.store import Store, Writer
from grace.store.schema import rollups as table
from tests.analysis.conftest import NOW, write
from tests.analysis.expected import check
from tests.analysis.logs import Entry, logs
from tests.analysis.naive import Naive
from tests.analysis.properties import property_of_logs

RULES = Rules()
NOON = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def kept(store: Store) -> dict[tuple[datetime, str, str], str]:
    with store.reading() as connection:
        rows = connection.execute(sa.select(table)).all()
    return {(row.hour, row.measure, row.part): row.state for row in rows}


@property_of_logs
@given(log=logs(), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_portions_say_the_same_as_one_go(
    new_store: Callable[[], Store],
    log: tuple[list[Entry], datetime, datetime],
    cuts: list[int],
) -> None:
    """Late rows and revisions reopen their hour, also the one that the older revision lay in.

    The derived table is the same row for row, and the figures those of the plain computation.
    """
    rows, since, until = log
    store, at_once = new_store(), new_store()
    begin = 0
    for cut in [*sorted(cuts), len(rows)]:
        write(store, rows[begin:cut])
        advance(store, NOW, RULES)
        begin = max(begin, cut)
    write(at_once, rows)
    advance(at_once, NOW, RULES)
    assert kept(store) == kept(at_once)
    check(analyse(store, since, until, now=NOW), Naive(rows), since, until)
    store.engine.dispose()
    at_once.engine.dispose()


@property_of_logs
@given(log=logs(), cut=st.integers(0, 60))
def test_a_reader_is_exact_however_far_the_rollups_are(
    new_store: Callable[[], Store],
    log: tuple[list[Entry], datetime, datetime],
    cut: int,
) -> None:
    """Rows that came after the last advance count: their hours are computed from the rows."""
    rows, since, until = log
    behind, level = new_store(), new_store()
    write(behind, rows[:cut])
    advance(behind, NOW, RULES)
    write(behind, rows[cut:])
    write(level, rows)
    advance(level, NOW, RULES)
    assert told(behind, since, until) == told(level, since, until)
    behind.engine.dispose()
    level.engine.dispose()


def told(store: Store, since: datetime, until: datetime) -> object:
    with store.reading() as connection:
        reader = open_reader(connection, RULES)
        ends = (int(end.timestamp()) * 1_000_000 for end in (since, until))
        hours = reader.hours(*ends)
        states = {h: {k: tally.as_text() for k, tally in t.items()} for h, t in hours.items()}
        return {hour: state for hour, state in states.items() if state}, reader.library


def attempt(key: str, at: datetime, success: bool | None) -> Entry:
    row = {"attempt_id": key, "attempted_at": at, "success": success, "source": "logger"}
    return "healing_attempts", row, NOON


class TestAdvancing:
    """What an advance reads and writes."""

    def test_only_touched_hours_are_computed(self, store: Store) -> None:
        """A late row costs its hour, a revision the hours of both times, nothing new nothing."""
        write(store, [attempt(str(hour), NOON - hour * HOUR, None) for hour in range(24)])
        assert advance(store, NOW, RULES) == 24
        assert advance(store, NOW, RULES) == 0
        write(store, [attempt("late", NOON - 30 * HOUR, True)])
        assert advance(store, NOW, RULES) == 1
        write(store, [attempt("3", NOON - 7 * HOUR, True)])
        assert advance(store, NOW, RULES) == 2

    def test_an_hour_that_a_revision_emptied_is_gone(self, store: Store) -> None:
        """Its tallies do not stay behind."""
        write(store, [attempt("a", NOON, True)])
        advance(store, NOW, RULES)
        write(store, [attempt("a", NOON + 5 * HOUR, True)])
        advance(store, NOW, RULES)
        assert {hour for hour, _, _ in kept(store)} == {NOON + 5 * HOUR}

    def test_a_large_arrear_takes_several_transactions(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of so many rows each, and each leaves what is still to do."""
        write(store, [attempt(str(n), NOON - n % 40 * HOUR, None) for n in range(200)])
        monkeypatch.setattr(rollups, "ROWS_A_STEP", 20)
        left: list[int] = []
        assert advance(store, NOW, RULES, left.append) == 40
        assert left == [36, 32, 28, 24, 20, 16, 12, 8, 4, 0]

    def test_broken_off_in_between_nothing_is_lost(
        self, new_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rows that come meanwhile count, and the table ends up as in one go."""
        store, at_once = new_store(), new_store()
        early = [attempt(str(n), NOON - n % 40 * HOUR, n % 3 == 0) for n in range(200)]
        late = [attempt(str(n), NOON - n % 13 * HOUR, True) for n in range(150, 260)]
        monkeypatch.setattr(rollups, "ROWS_A_STEP", 20)
        write(store, early)
        with pytest.raises(Broken):
            advance(store, NOW, RULES, break_off)
        write(store, late)
        write(at_once, early + late)
        ends = NOON - 30 * HOUR, NOON + HOUR
        assert told(store, *ends) == told(at_once, *ends)
        advance(store, NOW, RULES)
        advance(at_once, NOW, RULES)
        assert kept(store) == kept(at_once)

    def test_the_same_again_writes_nothing(self, store: Store) -> None:
        """Where the ledger has not grown, the lock of the log is not even asked for."""
        write(store, [attempt("a", NOON, True)])
        advance(store, NOW, RULES)
        with store.writing(NOW):
            assert advance(store, NOW, RULES) == 0

    def test_hours_and_cursor_change_together(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What fails before the commit leaves neither."""
        write(store, [attempt("a", NOON, True)])
        monkeypatch.setattr(Writer, "finish", break_off)
        with pytest.raises(Broken):
            advance(store, NOW, RULES)
        assert (kept(store), store.cursor("analysis")) == ({}, None)

    def test_other_words_rebuild_the_table(self, store: Store) -> None:
        """A status that now counts as executed does so in hours long past."""
        row = {"log_id": "a", "status": "Shipped", "timestamp": NOON, "source": "logger"}
        write(store, [("agentic_spine_logs", row, NOON)])
        since, until = NOON - HOUR, NOON + HOUR
        before = analyse(store, since, until, now=NOW)
        rules = Rules(executed=RULES.executed | {"shipped"})
        after = analyse(store, since, until, now=NOW, rules=rules)
        assert (before.autonomy.executed, after.autonomy.executed) == (0, 1)
        again = analyse(store, since, until, now=NOW)
        assert again == before

    def test_a_pattern_whose_template_grows_is_not_learned_again(self, store: Store) -> None:
        """A revision takes its place in the library, with the time of the first."""
        write(store, [pattern("a", "page 7", NOON), pattern("b", "other", NOON)])
        advance(store, NOW, RULES)
        write(store, [pattern("a", "page <n>", NOON + 2 * HOUR), pattern("c", "new", NOON + HOUR)])
        learned = analyse(store, NOON + HOUR, NOON + 3 * HOUR, now=NOW).learning
        assert (learned.patterns, learned.patterns_learned) == (3, 1)
        learned = analyse(store, NOON, NOON + HOUR, now=NOW).learning
        assert (learned.patterns, learned.patterns_learned) == (2, 2)


class Broken(Exception):
    """What a test throws to break off a transaction."""


def break_off(_: object) -> None:
    raise Broken


def pattern(key: str, name: str, at: datetime) -> Entry:
    row = {
        "learning_id": key,
        "learning_type": "pattern_update",
        "pattern_name": name,
        "timestamp": at,
    }
    return "ml_learning_logs", row, NOON
