"""The signer as a service: each minute, whatever a minute brings, until it is told to end."""

import sqlite3

import pytest

from grace.ledger.note import Checkpoint, SigningKey
from grace.notary import signer
from grace.notary.signer import keep_signing
from grace.settings import Settings
from tests.tampering import NOW, Log


def _notes(log: Log) -> list[tuple[int, str]]:
    with sqlite3.connect(log.path) as connection:
        found = connection.execute("SELECT size, note FROM checkpoints ORDER BY size").fetchall()
    connection.close()
    return found


class TestKeepSigning:
    """The service of `grace up`."""

    def run(self, settings: Settings, *steps: object) -> list[str]:
        """One round, then each step and another round; what was told."""
        told: list[str] = []
        left = list(steps)

        def wait(seconds: float) -> bool:
            assert seconds == 60
            if not left:
                return True
            left.pop(0)()  # type: ignore[operator]
            return False

        keep_signing(settings, 60, clock=lambda: NOW, wait=wait, tell=told.append)
        return told

    def test_it_waits_for_a_database(self, settings: Settings) -> None:
        """Nothing is created meanwhile, and the line is told once."""
        log = Log(settings)
        told = self.run(settings, lambda: None, lambda: log.write(1), lambda: log.write(1, start=1))
        assert [line.split(":")[0] for line in told] == ["not signed", "signed 16 rows"]
        assert [size for size, _ in _notes(log)] == [16, 32]

    def test_nothing_is_made_where_there_is_no_database(self, settings: Settings) -> None:
        """No folder, no key, no file."""
        self.run(settings)
        assert not settings.data_dir.exists()

    def test_it_outlives_a_locked_database(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        """It says so, and signs when the lock is gone."""
        monkeypatch.setattr(signer, "BUSY_SECONDS", 0.01)
        log.write(1)
        holder = sqlite3.connect(log.path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        told = self.run(log.settings, holder.rollback)
        holder.close()
        assert told == ["not signed: database is locked; trying again", "signed 16 rows"]

    def test_it_goes_on_refusing_a_broken_log_and_recovers_with_it(self, signed: Log) -> None:
        """Nothing is signed until the log is as it was."""
        kept = signed.settings.checkpoint_file.read_text()
        key = SigningKey.parse(signed.settings.key_file.read_text())
        later = Checkpoint(key.name, 999, bytes(32))
        signed.settings.checkpoint_file.write_text(signer.sign_note(later.text, key))
        told = self.run(
            signed.settings,
            lambda: signed.write(1, start=9),
            lambda: signed.settings.checkpoint_file.write_text(kept),
        )
        assert told[0].startswith("not signed: ")
        assert "signed at 999 rows" in told[0]
        assert told[-1] == "signed 80 rows"

    def test_a_file_that_is_no_database_does_not_end_it(self, settings: Settings) -> None:
        """It may be replaced by the right one."""
        settings.log_dir.mkdir(parents=True)
        (settings.log_dir / "grace.db").write_text("not a database, and longer than a header" * 9)
        (told,) = self.run(settings)
        assert told.startswith("not signed: ")
        assert "cannot be read" in told
