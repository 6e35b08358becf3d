"""What status pages tell of a log."""

from datetime import timedelta

from grace.notary.state import LedgerState, ledger_state, remember
from grace.store import open_store
from tests.tampering import NOW, Log


def _state(log: Log) -> LedgerState:
    store = open_store(log.settings.url)
    found = ledger_state(log.settings, store)
    store.engine.dispose()
    return found


def test_a_log_before_its_first_signing(log: Log) -> None:
    """Its size and root are known, nothing else."""
    log.write(1)
    assert _state(log) == LedgerState(16, log.verify().root or "", 0, None, None, None, None)


def test_rows_that_are_not_signed_yet_show(signed: Log) -> None:
    """The signed size stays behind until the signer comes by."""
    signed.write(1, start=4)
    found = _state(signed)
    assert (found.size, found.signed_size, found.signed_at) == (80, 64, NOW)
    assert found.root == signed.verify().root


def test_the_last_verification_is_kept(signed: Log) -> None:
    """Of several the last, good or bad."""
    remember(signed.settings, signed.verify(), NOW)
    assert (_state(signed).verified_ok, _state(signed).verified_size) == (True, 64)
    with signed.attack() as connection:
        connection.execute("DELETE FROM goals")
    remember(signed.settings, signed.verify(), NOW + timedelta(hours=1))
    found = _state(signed)
    assert (found.verified_ok, found.verified_at) == (False, NOW + timedelta(hours=1))


def test_a_damaged_memory_is_no_memory(signed: Log) -> None:
    """It is a convenience, not evidence."""
    (signed.settings.log_dir / "verification.json").write_text("{")
    assert _state(signed).verified_at is None
