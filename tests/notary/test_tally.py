"""All rows have their leaves, or they do not."""

import sqlite3

import pytest

from grace.notary import tally
from grace.notary.layout import log_rows
from grace.notary.tally import all_fit
from tests.tampering import Log


def _fits(log: Log, size: int) -> bool:
    with sqlite3.connect(log.path, isolation_level=None) as connection:
        connection.text_factory = bytes
        fits = all_fit(connection, log_rows(), size)
    connection.close()
    return fits


def test_all_rows_are_counted(signed: Log) -> None:
    """Neither one row fewer nor one row more passes."""
    assert _fits(signed, 64)
    assert not _fits(signed, 63)
    assert not _fits(signed, 65)


@pytest.mark.parametrize("index", [0, 7, 30, 63])
def test_an_edit_at_any_place_is_seen(signed: Log, index: int) -> None:
    """In the first row, in the last, and between."""
    with signed.attack() as connection:
        table = signed.table_at(connection, index)
        connection.execute(f"UPDATE {table} SET source = 'x' WHERE ledger_index = {index}")
    assert not _fits(signed, 64)


def test_rows_of_a_sparse_table_meet_their_leaves(tall: Log) -> None:
    """Rows far apart in the ledger stand next to each other in their table."""
    tall.write(1, start=1000)
    tall.write_goals(600, start=2000)
    tall.write(1, start=1001)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tally, "WIDEST", 1)
        assert _fits(tall, 1332)
    assert _fits(tall, 1332)
