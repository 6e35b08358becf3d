"""One way into a log table: what lands, what is left out, and what is refused."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest

from grace.errors import BadInput
from grace.store import Landed, Store

pytestmark = pytest.mark.both_databases
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def _append(store: Store, *rows: Mapping[str, object], table: str = "goals") -> list[Landed]:
    with store.writing(NOW) as writer:
        return writer.append(table, rows)


def _goals(store: Store) -> list[tuple[object, ...]]:
    query = "SELECT goal_id, revision, title, ledger_index FROM goals ORDER BY ledger_index"
    with store.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_rows_land_in_order_with_indices_from_zero_on(store: Store) -> None:
    """Over all tables together, and across transactions."""
    first = _append(store, {"goal_id": "a"}, {"goal_id": "b"})
    second = _append(store, {"evaluation_id": "c"}, table="goal_evaluations")
    third = _append(store, {"goal_id": "d"})
    landed = [*first, *second, *third]
    assert [row.ledger_index for row in landed] == [0, 1, 2, 3]
    assert len({row.id for row in landed}) == 4


def test_the_same_payload_again_is_left_out(store: Store) -> None:
    """Within a batch and from one transaction to the next."""
    assert len(_append(store, {"goal_id": "a", "title": "x"}, {"goal_id": "a", "title": "x"})) == 1
    assert _append(store, {"title": "x", "goal_id": "a"}) == []
    assert _goals(store) == [("a", 1, "x", 0)]


def test_another_payload_is_the_next_revision(store: Store) -> None:
    """Also when it goes back to what an earlier one said."""
    for title in ("x", "y", "x"):
        _append(store, {"goal_id": "a", "title": title})
    assert _goals(store) == [("a", 1, "x", 0), ("a", 2, "y", 1), ("a", 3, "x", 2)]


def test_revisions_within_one_batch(store: Store) -> None:
    """Each is compared with the one before it."""
    rows = [{"goal_id": "a", "title": title} for title in ("x", "x", "y", "y", "x")]
    assert [row.revision for row in _append(store, *rows)] == [1, 2, 3]


def test_a_key_of_two_columns_counts_as_a_whole(store: Store) -> None:
    """Sharing one of them makes nothing a revision of something else."""
    pairs = [("a", "b"), ("a", "c"), ("b", "a"), ("a", "b")]
    rows = [{"goal_id": goal, "depends_on_goal_id": other} for goal, other in pairs]
    assert [row.revision for row in _append(store, *rows, table="goal_dependencies")] == [1, 1, 1]


def test_more_keys_than_one_look_up_holds(store: Store) -> None:
    """A batch is looked up in parts, and none of it twice."""
    rows = [{"goal_id": f"g{number % 1000}", "title": "x"} for number in range(1500)]
    assert len(_append(store, *rows)) == 1000
    assert _append(store, *rows) == []


def test_a_missing_natural_key_is_made(store: Store) -> None:
    """An event that nobody named is logged as often as it is sent."""
    landed = _append(store, {"title": "x"}, {"title": "x"})
    assert len(landed) == 2
    assert len({goal for goal, *_ in _goals(store)}) == 2


def test_the_source_is_the_callers_or_the_rows(store: Store) -> None:
    """And `grace` where neither says."""
    with store.writing(NOW) as writer:
        writer.append("goals", [{"goal_id": "a"}, {"goal_id": "b", "source": "row"}], source="file")
        writer.append("goals", [{"goal_id": "c"}])
    with store.reading() as connection:
        found = connection.exec_driver_sql("SELECT source FROM goals ORDER BY goal_id").scalars()
        assert list(found) == ["file", "row", "grace"]


def test_an_alias_names_its_column(store: Store) -> None:
    """`healing_metadata` is what older systems call `metadata`."""
    with store.writing(NOW) as writer:
        writer.append("healing_attempts", [{"attempt_id": "a", "healing_metadata": {"n": 1}}])
    with store.reading() as connection:
        query = "SELECT metadata FROM healing_attempts"
        assert connection.exec_driver_sql(query).scalar_one() == '{"n":1}'


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"colour": "red"}, "no column colour"),
        ({"title": 5}, "goals.title: expected text"),
        ({"progress": "much"}, "goals.progress: expected a number"),
        ({"progress": float("nan")}, "goals.progress: NaN"),
        ({"auto_created": 1}, "goals.auto_created: expected true or false"),
        ({"created_at": "2026-03-01"}, "goals.created_at: expected a time"),
        ({"created_at": NOW.replace(tzinfo=None)}, "no time zone"),
        ({"extra": object()}, "goals.extra"),
        ({"revision": 7}, "no column revision"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_by_name(
    store: Store, row: dict[str, object], told: str
) -> None:
    """Nothing of its batch lands."""
    with pytest.raises((BadInput, TypeError), match=told if "extra" not in row else "JSON"):
        _append(store, {"goal_id": "good"}, {"goal_id": "bad"} | row)
    assert _goals(store) == []


def test_an_unknown_table_is_refused_with_those_there_are(store: Store) -> None:
    """Derived tables are not among them."""
    with pytest.raises(BadInput, match=r"'outbox'; there are healing_attempts, .*erasures"):
        _append(store, {}, table="outbox")


def test_a_time_in_any_zone_is_the_same_time(store: Store) -> None:
    """So that re-reading a source in another zone adds nothing."""
    east = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    _append(store, {"goal_id": "a", "created_at": NOW})
    assert _append(store, {"goal_id": "a", "created_at": east}) == []
    assert len(_append(store, {"goal_id": "a", "created_at": NOW + timedelta(microseconds=1)})) == 1
