"""Row, leaf and event come together or not at all, from one process or from several."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from grace.ledger import tiles
from grace.settings import Settings
from grace.store import Store
from grace.store.append import Expected
from grace.store.schema import LOGS, metadata
from grace.store.tile_table import DatabaseTiles
from tests.rivals import at_once

pytestmark = pytest.mark.both_databases
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WRITER = """
import sys
from datetime import UTC, datetime
from grace.store import open_store
from grace.store.append import Expected
store = open_store(sys.argv[1])
expected = Expected("goals", frozenset(["shared"])) if sys.argv[3:] else None
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    with store.writing(datetime.now(UTC), expected) as writer:
        writer.append("goals", [{"goal_id": "shared", "title": f"{sys.argv[2]}-{number}"}])
        writer.append("goals", [{"goal_id": f"{sys.argv[2]}-{number}", "title": "x"}])
"""


class Interrupted(Exception):
    """What a test raises in the middle of a transaction."""


def _dump(store: Store) -> list[str]:
    with store.reading() as connection:
        return [
            repr(row)
            for table in metadata.sorted_tables
            for row in connection.exec_driver_sql(f"SELECT * FROM {table.name}")
        ]


def _indices(store: Store) -> list[int]:
    each = " UNION ALL ".join(f"SELECT ledger_index FROM {name}" for name in LOGS)
    with store.reading() as connection:
        return sorted(connection.exec_driver_sql(each).scalars())


def _head(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.exec_driver_sql("SELECT size FROM ledger_head").scalar_one())


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    """Neither row nor leaf nor event nor cursor: the file is as it was."""
    with store.writing(NOW) as writer:
        writer.append("goals", [{"goal_id": "a"}])
    before = _dump(store)
    with pytest.raises(Interrupted):
        _write_and_fail(store)
    assert _dump(store) == before


def _write_and_fail(store: Store) -> None:
    with store.writing(NOW) as writer:
        writer.append("goals", [{"goal_id": "b"}])
        writer.event("goal.created", "goal/b", {"goal": "b"})
        writer.set_cursor("reader", 7)
        raise Interrupted


def test_indices_have_no_gap_after_a_rollback(store: Store) -> None:
    """An index that was not committed is given again."""
    for fails in (False, True, False):
        try:
            with store.writing(NOW) as writer:
                writer.append("goals", [{}, {}])
                if fails:
                    raise Interrupted
        except Interrupted:
            continue
    assert _indices(store) == [0, 1, 2, 3]
    assert _head(store) == 4


def test_an_event_lands_with_the_change_it_tells_of(store: Store) -> None:
    """In its log table and in the outbox, under one index."""
    with store.writing(NOW) as writer:
        writer.append("goals", [{"goal_id": "a"}])
        writer.event("goal.created", "goal/a", {"goal": "a"}, actor="ann")
    with store.reading() as connection:
        query = """
            SELECT event_type, actor, resource, payload, ledger_index, e.event_id = o.event_id
            FROM trigger_mesh_logs e JOIN outbox o USING (ledger_index)
        """
        (found,) = connection.exec_driver_sql(query)
    assert tuple(found) == ("goal.created", "ann", "goal/a", '{"goal":"a"}', 1, 1)


def test_a_cursor_moves_with_what_was_read(store: Store) -> None:
    """It is any JSON, and its last value."""
    assert store.cursor("reader") is None
    for position in (7, {"after": "x", "n": [1]}):
        with store.writing(NOW) as writer:
            writer.set_cursor("reader", position)
        assert store.cursor("reader") == position
    assert store.cursor("another") is None


def test_a_reader_sees_one_snapshot(store: Store) -> None:
    """Whatever is committed while it reads."""
    count = "SELECT count(*) FROM goals"
    with store.reading() as connection:
        assert connection.exec_driver_sql(count).scalar_one() == 0
        with store.writing(NOW) as writer:
            writer.append("goals", [{}])
        assert connection.exec_driver_sql(count).scalar_one() == 0
    assert _head(store) == 1


@pytest.mark.parametrize("expecting", [(), ("expecting",)], ids=["", "expecting"])
@pytest.mark.parametrize("queue", [True, False])
def test_processes_that_write_at_once_take_turns(
    settings: Settings, store: Store, queue: bool, expecting: tuple[str, ...]
) -> None:
    """Every row of both is there, indices have no gap, and the tree is that of the leaves.

    The database's own lock is what counts: it is so too where SQLite's writers find no queue, and
    where what they are about to revise is looked up with the answer that brings the lock.
    """
    if not queue:
        settings.log_dir.joinpath("grace.turns").mkdir(parents=True)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, settings.url, name, *expecting],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    at_once(writers)
    assert _indices(store) == list(range(160))
    with store.reading() as connection:
        revisions = "SELECT revision FROM goals WHERE goal_id = 'shared' ORDER BY ledger_index"
        assert list(connection.exec_driver_sql(revisions).scalars()) == list(range(1, 81))
        found = DatabaseTiles(connection)
        leaves = tiles.hashes_of(found.get(0, 0) or b"")
        plain = tiles.MemoryTiles()
        assert tiles.grow(plain, 0, leaves) == _head(store) == 160
        assert tiles.root(found, 160) == tiles.root(plain, 160)


def test_what_was_expected_counts_for_the_first_rows_alone(store: Store) -> None:
    """What the transaction itself has added since is looked up again, and so is what was not."""
    with store.writing(NOW) as writer:
        writer.append("goals", [{"goal_id": "a", "title": "x"}, {"goal_id": "b", "title": "x"}])
    with store.writing(NOW, Expected("goals", frozenset(["a"]))) as writer:
        same = writer.append("goals", [{"goal_id": "a", "title": "x"}])
        first = writer.append("goals", [{"goal_id": "a", "title": "y"}])
        then = writer.append("goals", [{"goal_id": "a", "title": "z"}])
        other = writer.append("goals", [{"goal_id": "b", "title": "y"}])
    assert same == []
    assert [each.revision for (each,) in (first, then, other)] == [2, 3, 2]
