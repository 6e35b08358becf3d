"""Readers see the newest revision of each row."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from grace.errors import BadInput
from grace.store import Store
from grace.store.read import newest
from grace.store.schema import LOGS

pytestmark = pytest.mark.both_databases
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _log(store: Store, *rows: dict[str, object]) -> None:
    with store.writing(NOW) as writer:
        writer.append("goals", rows)


def _titles(frame: pd.DataFrame) -> list[str]:
    return list(frame["title"])


def test_the_newest_revision_of_each_key(store: Store) -> None:
    """In the order of the ledger, whichever key came first."""
    for key, title in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("b", "5")]:
        _log(store, {"goal_id": key, "title": title})
    assert _titles(newest(store, "goals")) == ["3", "4", "5"]


def test_an_empty_table_has_its_columns(store: Store) -> None:
    """So that analyses need no special case."""
    frame = newest(store, "goals")
    assert frame.empty
    assert list(frame.columns) == list(LOGS["goals"].table.c.keys())
    assert str(frame["created_at"].dtype) == "datetime64[us, UTC]"


def test_since_is_included_and_until_is_not(store: Store) -> None:
    """Windows that meet share no row and miss none."""
    times = [NOW - HOUR, NOW, NOW + HOUR]
    _log(store, *({"title": str(place), "created_at": at} for place, at in enumerate(times)))
    assert _titles(newest(store, "goals", since=NOW)) == ["1", "2"]
    assert _titles(newest(store, "goals", until=NOW)) == ["0"]
    assert _titles(newest(store, "goals", since=NOW, until=NOW + HOUR)) == ["1"]


def test_conditions_are_on_the_newest_revision(store: Store) -> None:
    """A goal that was open and is met is not open."""
    _log(store, {"goal_id": "a", "title": "a", "status": "open"})
    _log(store, {"goal_id": "b", "title": "b", "status": "open"})
    _log(store, {"goal_id": "a", "title": "a", "status": "met"})
    assert _titles(newest(store, "goals", status="open")) == ["b"]
    assert _titles(newest(store, "goals", status="met", goal_id="a")) == ["a"]


def test_a_key_of_two_columns(store: Store) -> None:
    """One row a pair."""
    with store.writing(NOW) as writer:
        for note in ("x", "y"):
            pairs = [{"goal_id": "a", "depends_on_goal_id": other, "note": note} for other in "bc"]
            writer.append("goal_dependencies", pairs)
    frame = newest(store, "goal_dependencies")
    assert list(zip(frame["depends_on_goal_id"], frame["note"], strict=True)) == [
        ("b", "y"),
        ("c", "y"),
    ]


def test_times_are_exact_and_in_utc(store: Store) -> None:
    """A missing one is NaT."""
    at = datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)
    _log(store, {"title": "a", "created_at": at}, {"title": "b"})
    frame = newest(store, "goals")
    assert frame["created_at"][0] == at
    assert frame["created_at"].isna().tolist() == [False, True]


def test_an_unknown_table_is_refused(store: Store) -> None:
    """By the same words as in writing."""
    with pytest.raises(BadInput, match="no log table 'goal'"):
        newest(store, "goal")
