"""What could not be logged is kept once, with source, position and reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from grace.errors import BadInput
from grace.store import Store
from grace.store.quarantine import Refusal, add, counts, entries, find, set_landed, set_reason

pytestmark = pytest.mark.both_databases
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LINE_7 = Refusal("goals", "/srv/goals.csv", "line 7", "d1", "type: progress: no", '{"row":{}}')


def _add(store: Store, *refusals: Refusal, now: datetime = NOW) -> int:
    with store.writing(now) as writer:
        return add(writer.connection, refusals, now)


def test_a_row_is_kept_with_all_that_is_known_of_it(store: Store) -> None:
    """As it was given."""
    assert _add(store, LINE_7) == 1
    (kept,) = entries(store)
    assert (kept.id, kept.table, kept.source) == (LINE_7.id, "goals", "/srv/goals.csv")
    assert (kept.position, kept.reason, kept.row) == ("line 7", LINE_7.reason, LINE_7.row)
    assert (kept.quarantined_at, kept.landed_at) == (NOW, None)


def test_the_same_row_again_is_not_kept_again(store: Store) -> None:
    """Within a batch and later; another place or another content is another row."""
    later = NOW + timedelta(days=1)
    assert _add(store, LINE_7, LINE_7) == 1
    assert _add(store, LINE_7, now=later) == 0
    others = [replace(LINE_7, position="line 8"), replace(LINE_7, digest="d2")]
    assert _add(store, LINE_7, *others, replace(LINE_7, source="/srv/old.csv"), now=later) == 3
    assert [kept.quarantined_at for kept in entries(store)] == [NOW, later, later, later]


def test_more_rows_than_one_look_up_holds(store: Store) -> None:
    """And in pages, each row once."""
    many = [replace(LINE_7, position=f"line {number}") for number in range(1000)]
    assert _add(store, *many) == 1000
    assert _add(store, *many) == 0
    pages, last = [], None
    while page := entries(store, limit=300, after=last):
        pages, last = [*pages, *page], page[-1]
    assert sorted(kept.position for kept in pages) == sorted(one.position for one in many)


def test_a_list_may_be_of_one_table_or_source_and_of_those_that_landed(store: Store) -> None:
    """By default it is of those that wait."""
    other = replace(LINE_7, log_table="data_cube", source="sql", reason="range: x: no")
    _add(store, LINE_7, other)
    assert [kept.table for kept in entries(store, table="data_cube")] == ["data_cube"]
    assert [kept.source for kept in entries(store, source="/srv/goals.csv")] == ["/srv/goals.csv"]
    assert counts(store) == {"range": 1, "type": 1}
    with store.writing(NOW) as writer:
        set_landed(writer.connection, [other.id], NOW)
        set_reason(writer.connection, LINE_7.id, "repeat: the key")
    assert [kept.reason for kept in entries(store)] == ["repeat: the key"]
    assert len(entries(store, landed=True)) == 2
    assert counts(store) == {"repeat": 1}


def test_a_row_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    """One that names none or several is refused, and signs of a pattern are only signs."""
    many = [replace(LINE_7, position=f"line {number}") for number in range(40)]
    _add(store, *many)
    assert find(store, many[3].id[:12]).position == "line 3"
    first = many[0].id[0]
    several = sum(one.id.startswith(first) for one in many)
    assert several > 1
    with pytest.raises(
        BadInput, match=f"more than one row in the quarantine begins with '{first}'"
    ):
        find(store, first)
    with pytest.raises(BadInput):
        find(store, "")
    for none in ("%", "_", "xyz"):
        with pytest.raises(BadInput, match="nothing in the quarantine is called"):
            find(store, none)
