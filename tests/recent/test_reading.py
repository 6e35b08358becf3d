"""What the engines read from columns is what the log says, however it came to be there."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from grace.recent import reading
from grace.recent.reading import recent, recent_at
from grace.recent.terms import with_terms
from grace.recent.views import VIEWS
from grace.store import Store
from grace.store.erasing import Erased, erase
from grace.store.read import newest
from grace.store.schema import recent_rows
from grace.values import microseconds
from tests.analysis.conftest import NOW, empty_log, new_store, write
from tests.analysis.logs import Entry, logs
from tests.analysis.properties import property_of_logs

__all__ = ["empty_log", "new_store"]  # fixtures

NOON = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Killed(Exception):
    """Something that no code expects."""


def expected(store: Store, table: str, since: datetime) -> pd.DataFrame:
    """By the plain reader, from all rows."""
    rows = newest(store, table, since=since)
    return with_terms(rows) if table == "parallel_process_logs" else rows


def assert_same(store: Store, since: datetime) -> None:
    """Every column as it is logged; of a JSON one, what is kept of it."""
    for table, view in VIEWS.items():
        found, wanted = recent(store, table, since, NOW), expected(store, table, since)
        made = ["ready_at", "terms"] if "terms" in view.made else []
        for name in (*view.columns, *made):
            assert cells(found[name]) == cells(wanted[name]), (table, name)
        if not made:
            assert cells(found[view.described[0]]) == cells(
                view.tell(wanted[[*view.described]])[view.described[0]]
            ), table


def cells(column: "pd.Series[object]") -> list[object]:
    return [None if pd.isna(each) else each for each in column.tolist()]


@property_of_logs
@given(
    log=logs(),
    cuts=st.lists(st.integers(0, 60), max_size=5),
    kills=st.sets(st.integers(0, 12)),
    back=st.integers(-400, 400),
)
def test_columns_say_what_the_log_says(
    new_store: Callable[[], Store],
    log: tuple[list[Entry], datetime, datetime],
    cuts: list[int],
    kills: set[int],
    back: int,
) -> None:
    """Read in portions, with late rows and revisions, killed between, from a moment that moves.

    The oracle reads all rows of the log anew.
    """
    rows, since, _ = log
    store, begin = new_store(), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "ROWS_A_STEP", 3)
        patch.setattr(reading, "_renew", killed_at(kills))
        for cut in [*sorted(cuts), len(rows)]:
            write(store, rows[begin:cut])
            with suppress(Killed):
                for table in VIEWS:
                    recent(store, table, since, NOW)
            begin = max(begin, cut)
    assert_same(store, since)
    assert_same(store, since + timedelta(minutes=back))
    store.engine.dispose()


def killed_at(kills: set[int]) -> Callable[..., None]:
    """Writes the columns, but for the calls with these numbers."""
    numbers, renew = iter(range(1000)), reading._renew

    def renewed(*given: object) -> None:
        renew(*given)
        if next(numbers) in kills:
            raise Killed

    return renewed


def run(key: str, at: datetime, **more: object) -> Entry:
    row = {"process_id": key, "process_type": "flow_run", "timestamp": at, "source": "logger"}
    return "parallel_process_logs", row | more, NOON


def kept(store: Store) -> Iterator[datetime]:
    with store.reading() as connection:
        yield from connection.execute(sa.select(recent_rows.c.hour)).scalars()


class TestAdvancing:
    """What a reading reads of the log."""

    @pytest.mark.parametrize("history", [30, 300])
    def test_reads_what_is_new_whatever_lies_before(
        self, new_store: Callable[[], Store], history: int
    ) -> None:
        """Ten times the history, and the next reading reads the same one hour of the log."""
        store = new_store()
        write(store, [run(str(n), NOON - n * HOUR) for n in range(history)])
        view, begin = VIEWS["parallel_process_logs"], microseconds(NOON - 720 * HOUR)
        assert reading.advance(store, view, begin, NOW) == history
        assert reading.advance(store, view, begin, NOW) == 0
        write(store, [run("new", NOON + timedelta(minutes=1))])
        assert reading.advance(store, view, begin, NOW) == 1
        store.engine.dispose()

    def test_what_is_older_is_never_read_and_what_became_older_is_let_go(
        self, new_store: Callable[[], Store]
    ) -> None:
        """The table holds the weeks that are asked for, and no more than a day beside them."""
        store = new_store()
        write(store, [run(str(n), NOON - n * HOUR) for n in range(100)])
        table = "parallel_process_logs"
        assert len(recent(store, table, NOON - 50 * HOUR, NOW)) == 51
        assert min(kept(store)) == NOON - 50 * HOUR
        write(store, [run("late", NOON - 80 * HOUR), run("new", NOON + HOUR)])
        assert len(recent(store, table, NOON - 10 * HOUR, NOW)) == 12
        assert min(kept(store)) == NOON - 10 * HOUR
        assert len(recent(store, table, NOON - 90 * HOUR, NOW)) == 93
        store.engine.dispose()

    def test_says_of_how_many_rows_of_the_ledger_it_tells(
        self, new_store: Callable[[], Store]
    ) -> None:
        """As the reader of one snapshot."""
        store = new_store()
        write(store, [run("a", NOON), run("b", NOON)])
        frame, size = recent_at(store, "parallel_process_logs", NOON - HOUR, NOW)
        assert (len(frame), size) == (2, 2)
        store.engine.dispose()

    def test_what_was_erased_is_in_no_column_any_more(self, new_store: Callable[[], Store]) -> None:
        """At once, not only when the next engine looks."""
        store = new_store()
        write(store, [run("a", NOON, error="Ann owes 7"), run("b", NOON)])
        table = "parallel_process_logs"
        recent(store, table, NOON - HOUR, NOW)
        with store.writing(NOW) as writer:
            told = Erased("asked for", "ann", "bob")
            erase(writer, table, "a", told, erasure="one")
        assert list(kept(store)) == []
        assert recent(store, table, NOON - HOUR, NOW)["process_id"].tolist() == ["b"]
        store.engine.dispose()

    def test_another_form_begins_anew(
        self, new_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What an older release kept is not read as this one's."""
        store = new_store()
        write(store, [run("a", NOON)])
        table = "parallel_process_logs"
        recent(store, table, NOON - HOUR, NOW)
        with store.engine.connect().execution_options(writes=True) as c, c.begin():
            c.execute(recent_rows.update().values(rows=b"another form"))
        monkeypatch.setattr(reading, "FORM", reading.FORM + 1)
        assert len(recent(store, table, NOON - HOUR, NOW)) == 1
        store.engine.dispose()
