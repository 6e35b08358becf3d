"""Several processes read the rows in shares; together they see what one sees."""

import sqlite3

import pytest

from grace.notary import tally
from grace.notary.layout import log_rows
from grace.notary.tally import all_fit
from tests.tampering import Log


def _fits(log: Log, size: int, processes: int) -> bool:
    with sqlite3.connect(log.path, isolation_level=None) as connection:
        connection.text_factory = bytes
        fits = all_fit(connection, log_rows(), size, processes)
    connection.close()
    return fits


@pytest.fixture(autouse=True)
def _shared_at_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "FEWEST_ROWS", 0)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_all_rows_of_all_shares_are_counted(signed: Log, processes: int) -> None:
    """Neither one row fewer nor one row more passes."""
    assert _fits(signed, 64, processes)
    assert not _fits(signed, 63, processes)
    assert not _fits(signed, 65, processes)


@pytest.mark.parametrize("index", [0, 7, 30, 63])
def test_an_edit_in_any_share_is_seen(signed: Log, index: int) -> None:
    """Whichever process reads it."""
    with signed.attack() as connection:
        table = signed.table_at(connection, index)
        connection.execute(f"UPDATE {table} SET source = 'x' WHERE ledger_index = {index}")
    assert not _fits(signed, 64, 2)


def test_a_process_that_ends_early_makes_no_log_look_whole(
    signed: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its share counts as unread, and the log is then read again by one process."""
    monkeypatch.setattr(tally, "COMMAND", [tally.sys.executable, "-c", "raise SystemExit(3)"])
    assert not _fits(signed, 64, 2)
    assert signed.verify(processes=2).ok


def test_rows_of_a_sparse_table_meet_their_leaves(tall: Log) -> None:
    """Rows far apart in the ledger stand next to each other in their table."""
    tall.write(1, start=1000)
    tall.write_goals(600, start=2000)
    tall.write(1, start=1001)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tally, "WIDEST", 1)
        assert _fits(tall, 1332, 1)
    assert _fits(tall, 1332, 2)
