"""Any cell of any log table, changed in any way, is found at its index."""

from collections.abc import Iterator

import pytest

from grace.store.schema import LOGS
from tests.tampering import Log

ROUND = 2  # the third row of each table: there are rows before it and behind it


def _changes(kind: str) -> Iterator[str]:
    """SQL expressions for other contents of the cell {c}: the smallest change of each sort."""
    yield from {
        "text": ("{c} || ' '", "'X' || substr({c}, 2)", "CAST({c} AS BLOB)", "''"),
        "json": ("replace({c}, ':', ': ')", "CAST({c} AS BLOB)", "'null'"),
        "integer": ("{c} + 1", "CAST({c} AS TEXT) || 'x'", "0.5"),
        "time": ("{c} + 1", "CAST({c} AS TEXT) || 'x'", "0.5"),
        "float": ("{c} + 1e-15", "CAST({c} AS TEXT) || 'x'", "1e999"),
        "boolean": ("1 - {c}", "2", "'true'", "0.5"),
    }[kind]


@pytest.mark.parametrize("table", LOGS)
def test_a_change_of_any_hashed_cell_is_found_at_its_index(signed: Log, table: str) -> None:
    """The smallest change there is, in each column of each table."""
    for column, kind in LOGS[table].kinds.items():
        _check(signed, table, column, next(_changes(kind)))
    assert signed.verify().ok


@pytest.mark.parametrize(
    "table", ["healing_attempts", *(pytest.param(name, marks=pytest.mark.slow) for name in LOGS)]
)
def test_no_sort_of_change_is_overlooked(signed: Log, table: str) -> None:
    """One byte, another storage class, another spelling of the same JSON, nothing at all."""
    nullable = {column.name for column in LOGS[table].table.c if column.nullable}
    for column, kind in LOGS[table].kinds.items():
        for change in [*_changes(kind), *(["NULL"] if column in nullable else [])]:
            _check(signed, table, column, change)
    assert signed.verify().ok


def _check(log: Log, table: str, column: str, change: str) -> None:
    """Change one cell, see it found, and put it back."""
    index = ROUND * len(LOGS) + list(LOGS).index(table)
    before = _cell(log, table, index, column)
    _set(log, table, index, column, change.format(c=f'"{column}"'))
    found = log.verify()
    assert (found.kind, found.first_bad_index) == ("edited", index), (column, change)
    _set(log, table, index, column, "?", before)


@pytest.mark.parametrize(
    "salt", ["substr(salt, 1, 15)", "salt || x'00'", "zeroblob(16)", "CAST(salt AS TEXT)", "NULL"]
)
def test_a_changed_salt_is_found(signed: Log, salt: str) -> None:
    """The salt is no column of the row and yet part of its digest."""
    for index in (0, 37, 63):
        with signed.attack() as connection:
            table = signed.table_at(connection, index)
        before = _cell(signed, table, index, "salt")
        _set(signed, table, index, "salt", salt)
        found = signed.verify()
        assert (found.kind, found.first_bad_index) == ("edited", index)
        _set(signed, table, index, "salt", "?", before)


def test_text_that_is_no_utf8_is_found_and_does_not_stop_the_check(signed: Log) -> None:
    """A cell that SQLite's own reader could not decode."""
    with signed.attack() as connection:
        connection.execute("UPDATE goals SET title = CAST(x'ff' AS TEXT) WHERE ledger_index = 8")
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("edited", 8)


def test_of_many_edits_the_first_is_told(signed: Log) -> None:
    """The first by ledger index, whatever table it is in."""
    with signed.attack() as connection:
        for index in (60, 11, 45, 30):
            table = signed.table_at(connection, index)
            connection.execute(f"UPDATE {table} SET extra = '1' WHERE ledger_index = {index}")
    found = signed.verify()
    assert (found.kind, found.first_bad_index, found.ok) == ("edited", 11, False)


def test_a_row_moved_to_another_table_is_found(signed: Log) -> None:
    """The entry names its table, so the same cells elsewhere are another row."""
    with signed.attack() as connection:
        index = 16 + list(LOGS).index("goals")
        shared = "id, revision, recorded_at, source, ledger_index, salt, extra, timestamp"
        shared = shared.replace(", timestamp", "")
        connection.execute(
            f"INSERT INTO goal_evaluations ({shared}, evaluation_id) "
            f"SELECT {shared}, goal_id FROM goals WHERE ledger_index = {index}"
        )
        connection.execute(f"DELETE FROM goals WHERE ledger_index = {index}")
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("edited", index)


def test_a_replaced_row_is_found(signed: Log) -> None:
    """SQLite fires no delete trigger for REPLACE: where its own is gone the tree does not mind."""
    with signed.attack() as connection:
        columns = ", ".join(LOGS["goals"].table.c.keys())
        changed = columns.replace("title", "'better'")
        connection.execute(
            f"INSERT OR REPLACE INTO goals ({columns}) SELECT {changed} FROM goals LIMIT 1"
        )
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("edited", 8)


def _cell(log: Log, table: str, index: int, column: str) -> object:
    query = f'SELECT "{column}" FROM {table} WHERE ledger_index = {index}'
    with log.attack() as connection:
        return connection.execute(query).fetchone()[0]


def _set(log: Log, table: str, index: int, column: str, expression: str, *values: object) -> None:
    changed = f'UPDATE {table} SET "{column}" = {expression} WHERE ledger_index = {index}'
    with log.attack() as connection:
        assert connection.execute(changed, values).rowcount == 1
