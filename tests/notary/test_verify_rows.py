"""Rows that went, came or changed places are told apart, each with its first bad index."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from grace.store.schema import LOGS
from tests.tampering import Log, recompute


def _renumber(log: Log, start: int, step: int) -> None:
    """Move the rows from `start` on up or down by one, without meeting the unique indices."""
    with log.attack() as connection:
        for name in LOGS:
            moved = f"UPDATE {name} SET ledger_index = {{}} WHERE ledger_index {{}}"
            connection.execute(moved.format("-ledger_index", f">= {start}"))
            connection.execute(moved.format(f"-ledger_index + {step}", f"<= {-start}"))


def _delete(log: Log, index: int) -> None:
    with log.attack() as connection:
        table = log.table_at(connection, index)
        connection.execute(f"DELETE FROM {table} WHERE ledger_index = {index}")


def _insert(log: Log, index: int, table: str = "goals", key: str = "planted") -> None:
    """A row that Grace would have made, but for its place in the tree."""
    with log.attack() as connection:
        columns = ", ".join(name for name in LOGS[table].kinds if name not in ("id", "goal_id"))
        connection.execute(
            f"INSERT INTO {table} (id, goal_id, {columns}, ledger_index, salt) "
            f"SELECT '{key}', '{key}', {columns}, {index}, salt FROM {table} LIMIT 1"
        )


def test_an_untouched_log_holds(signed: Log) -> None:
    """The size, the signed size and the root are those of the last checkpoint."""
    found = signed.verify()
    assert (found.ok, found.kind, found.reason, found.first_bad_index) == (True, None, None, None)
    assert (found.size, found.signed_size) == (64, 64)
    assert found.root == signed.settings.checkpoint_file.read_text().split("\n")[2]


def test_rows_that_are_not_signed_yet_are_checked_against_the_tree(signed: Log) -> None:
    """Between two signings the leaves alone tell of an edit."""
    signed.write(1, start=4)
    found = signed.verify()
    assert (found.ok, found.size, found.signed_size) == (True, 80, 64)
    with signed.attack() as connection:
        connection.execute("UPDATE goals SET title = 'x' WHERE ledger_index >= 64")
    assert (signed.verify().kind, signed.verify().first_bad_index) == ("edited", 72)


@pytest.mark.parametrize("index", [0, 31, 40, 63])
def test_a_deleted_row(signed: Log, index: int) -> None:
    """First, last and between: the leaf is there and the row is not."""
    _delete(signed, index)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("deleted", index)


@pytest.mark.parametrize("index", [0, 31, 40, 62])
def test_a_deleted_row_whose_gap_was_closed(signed: Log, index: int) -> None:
    """All later rows move up by one and none of them fits: still one deletion."""
    _delete(signed, index)
    _renumber(signed, index + 1, -1)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("deleted", index)


def test_a_row_inserted_at_the_end(signed: Log) -> None:
    """It has no leaf."""
    _insert(signed, 64)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("inserted", 64)


def test_a_row_inserted_at_the_end_with_the_head_moved(signed: Log) -> None:
    """The head is no part of the tree and proves nothing."""
    _insert(signed, 64)
    with signed.attack() as connection:
        connection.execute("UPDATE ledger_head SET size = 65")
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("inserted", 64)


@pytest.mark.parametrize("index", [0, 17, 63])
def test_a_row_inserted_between_others(signed: Log, index: int) -> None:
    """All later rows move down by one."""
    _renumber(signed, index, 1)
    _insert(signed, index)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("inserted", index)


def test_a_second_row_at_an_index_of_another_table(signed: Log) -> None:
    """The database forbids one index twice within a table, not in two tables."""
    _insert(signed, 20)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("inserted", 20)


@pytest.mark.parametrize("index", [-3, 10**15])
def test_a_row_far_from_the_tree(signed: Log, index: int) -> None:
    """Memory does not follow an index that somebody made up."""
    _insert(signed, index)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("inserted", index)


def test_a_row_whose_index_is_no_number(signed: Log) -> None:
    """It is an insertion without a place."""
    with signed.attack() as connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute(
            "INSERT INTO goal_dependencies (id, revision, recorded_at, goal_id, "
            "depends_on_goal_id, source, ledger_index) VALUES ('a', 1, 1, 'b', 'c', 'd', 'here')"
        )
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("inserted", None)


def test_two_rows_that_changed_places(signed: Log) -> None:
    """In one table or across two: the first of the places is told."""
    for first, second in ((8, 24), (20, 50)):
        with signed.attack() as connection:
            tables = [signed.table_at(connection, index) for index in (first, second)]
            update = "UPDATE {} SET ledger_index = {} WHERE ledger_index = {}"
            connection.execute(update.format(tables[0], -1, first))
            connection.execute(update.format(tables[1], first, second))
            connection.execute(update.format(tables[0], second, -1))
        found = signed.verify()
        assert (found.kind, found.first_bad_index) == ("reordered", 8)


def test_a_row_that_was_moved_behind_others(signed: Log) -> None:
    """Those between move up by one; all are there, none is where it was."""
    with signed.attack() as connection:
        moved = signed.table_at(connection, 5)
        connection.execute(f"UPDATE {moved} SET ledger_index = -1000 WHERE ledger_index = 5")
        for index in range(6, 64):
            table = signed.table_at(connection, index)
            change = f"UPDATE {table} SET ledger_index = {index - 1} WHERE ledger_index = {index}"
            connection.execute(change)
        connection.execute(f"UPDATE {moved} SET ledger_index = 63 WHERE ledger_index = -1000")
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("reordered", 5)


def test_a_row_written_anew_as_it_was_is_the_same_row(signed: Log) -> None:
    """Its place in the file is no part of the log: the slow path finds nothing wrong."""
    with signed.attack() as connection:
        connection.execute("CREATE TEMP TABLE kept AS SELECT * FROM goals WHERE ledger_index = 8")
        connection.execute("DELETE FROM goals WHERE ledger_index = 8")
        connection.execute("INSERT INTO goals SELECT * FROM kept")
    assert signed.verify().ok


def test_a_row_hidden_from_every_index_is_found(signed: Log) -> None:
    """A query that goes by an index does not see it: rows are read from the table itself."""
    with _without_indices(signed, "goals"):
        _insert(signed, 64)
    with signed.attack() as connection:
        by_index = "SELECT count(*) FROM goals WHERE ledger_index = 64"
        assert connection.execute(by_index).fetchone() == (0,)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("inserted", 64)


def test_a_row_doubled_in_the_place_of_another_is_found(signed: Log) -> None:
    """All rows fit their leaves and there are as many as leaves: one is there twice."""
    with _without_indices(signed, "goals"), signed.attack() as connection:
        connection.execute("DELETE FROM goals WHERE ledger_index = 40")
        connection.execute("INSERT INTO goals SELECT * FROM goals WHERE ledger_index = 24")
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("inserted", 24)


@contextmanager
def _without_indices(log: Log, table: str) -> Iterator[None]:
    """Take the indices out of the schema for a while: what is written then is in none of them."""
    named = f"name = '{table}' AND type = 'table'"
    with _open_schema(log) as connection:
        (meant,) = connection.execute(f"SELECT sql FROM sqlite_master WHERE {named}").fetchone()
        held = f"FROM sqlite_master WHERE tbl_name = '{table}' AND type = 'index'"
        indices = connection.execute(f"SELECT * {held}").fetchall()
        connection.execute(f"DELETE {held}")
        columns = ", ".join(LOGS[table].table.c.keys())
        bare = f"CREATE TABLE {table} ({columns})"
        connection.execute(f"UPDATE sqlite_master SET sql = ? WHERE {named}", (bare,))
    yield
    with _open_schema(log) as connection:
        connection.execute(f"UPDATE sqlite_master SET sql = ? WHERE {named}", (meant,))
        connection.executemany("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", indices)


@contextmanager
def _open_schema(log: Log) -> Iterator[sqlite3.Connection]:
    with log.attack() as connection:
        connection.execute("PRAGMA writable_schema = ON")
        yield connection


def test_recomputed_hashes_over_an_edit_without_any_signature(log: Log) -> None:
    """What was never signed can be rewritten whole: nothing here can know it."""
    log.write(1)
    with log.attack() as connection:
        connection.execute("UPDATE goals SET title = 'another'")
        recompute(connection)
    found = log.verify()
    assert (found.ok, found.signed_size) == (True, 0)
