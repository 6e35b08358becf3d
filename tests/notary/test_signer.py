"""The signer signs what grew, refuses what does not extend the past, and loses nothing."""

import os
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from grace.errors import BadInput, LedgerBroken, Unreachable
from grace.files import locked
from grace.ledger.note import Checkpoint, Note, SigningKey, VerifierKey
from grace.notary import signer
from grace.notary.checkpoints import newest
from grace.notary.signer import sign
from grace.store import Store, open_store
from tests.rivals import kept_waiting
from tests.tampering import NOW, Log, entropy, recompute


def _notes(log: Log) -> list[tuple[int, str]]:
    with sqlite3.connect(log.path) as connection:
        found = connection.execute("SELECT size, note FROM checkpoints ORDER BY size").fetchall()
    connection.close()
    return found


def test_the_first_signing_makes_a_key_that_its_owner_alone_can_read(log: Log) -> None:
    """The public key lies beside it and verifies what was signed."""
    signed = log.sign()
    assert log.settings.key_file.stat().st_mode & 0o777 == 0o600
    key = VerifierKey.parse(log.settings.key_file.with_name("signing.key.pub").read_text())
    assert SigningKey.parse(log.settings.key_file.read_text()).verifier == key
    assert signed.origin == key.name == f"grace/main/{entropy()(8).hex()}"
    assert Note.parse(log.settings.checkpoint_file.read_text()).standing(key) == "valid"


def test_a_key_is_not_made_readable_by_what_a_crash_left_behind(log: Log) -> None:
    """A draft of that name with another mode does not pass its mode on."""
    draft = log.settings.key_file.with_name(f".signing.key.{os.getpid()}")
    draft.touch(mode=0o666)
    log.sign()
    assert log.settings.key_file.stat().st_mode & 0o777 == 0o600
    assert not draft.exists()


def test_an_empty_log_is_signed_too(log: Log) -> None:
    """A checkpoint of size 0 is what later ones are consistent with."""
    assert log.sign().size == 0
    assert log.verify().ok
    log.write(1)
    assert log.sign().size == 16


def test_signing_writes_nothing_where_nothing_grew(log: Log) -> None:
    """Not in the database, not outside of it."""
    log.write(1)
    first = log.sign()
    database, outside = log.path.read_bytes(), log.settings.checkpoint_file.stat().st_mtime_ns
    assert log.sign() == first
    assert log.path.read_bytes() == database
    assert log.settings.checkpoint_file.stat().st_mtime_ns == outside


def test_each_growth_is_one_more_checkpoint(log: Log) -> None:
    """The newest stored one is the outside one."""
    for number in range(3):
        log.write(1, start=number)
        log.sign()
    notes = _notes(log)
    assert [size for size, _ in notes] == [16, 32, 48]
    assert notes[-1][1] == log.settings.checkpoint_file.read_text()


def test_the_root_is_that_of_the_leaves(log: Log) -> None:
    """As the verifier computes it from the rows."""
    log.write_goals(300)
    signed = log.sign()
    assert log.verify().root == signed.text.split("\n")[2]


def test_a_crash_before_the_outside_checkpoint_heals(signed: Log) -> None:
    """The database is written first: an older outside checkpoint is brought up to it."""
    newest_note = signed.settings.checkpoint_file.read_text()
    signed.settings.checkpoint_file.write_text(_notes(signed)[0][1])
    assert signed.verify().ok
    signed.sign()
    assert signed.settings.checkpoint_file.read_text() == newest_note


def test_a_crash_in_the_first_signing_of_all_heals(log: Log) -> None:
    """Then there is one stored checkpoint and none outside yet."""
    log.write(1)
    log.sign()
    newest_note = log.settings.checkpoint_file.read_text()
    log.settings.checkpoint_file.unlink()
    log.sign()
    assert log.settings.checkpoint_file.read_text() == newest_note


def test_an_outside_checkpoint_that_was_taken_away_is_asked_for(signed: Log) -> None:
    """Without it an old copy could be put back and grow on: a person has to say that it was not."""
    signed.settings.checkpoint_file.unlink()
    with pytest.raises(LedgerBroken, match="is gone: put back a copy"):
        signed.sign()
    signed.settings.checkpoint_file.write_text(_notes(signed)[-1][1])
    assert signed.sign().size == 64


def test_a_log_cut_back_below_the_outside_checkpoint_is_refused(signed: Log) -> None:
    """Also when everything in the database fits together."""
    with signed.attack() as connection:
        connection.execute("DELETE FROM checkpoints WHERE size = 64")
        for index in range(40, 64):
            table = signed.table_at(connection, index)
            connection.execute(f"DELETE FROM {table} WHERE ledger_index = {index}")
        recompute(connection)
    before = signed.settings.checkpoint_file.read_bytes()
    with pytest.raises(LedgerBroken, match="signed at 64 rows and the database holds 40"):
        signed.sign()
    assert signed.settings.checkpoint_file.read_bytes() == before
    assert [size for size, _ in _notes(signed)] == [32]


@pytest.mark.parametrize("grown", [0, 1])
def test_a_rewritten_log_is_refused(signed: Log, grown: int) -> None:
    """The root at the signed size is no longer the signed one, however much came after."""
    with signed.attack() as connection:
        connection.execute("UPDATE goals SET title = 'better' WHERE ledger_index = 8")
        recompute(connection)
        connection.execute("DELETE FROM checkpoints")
    signed.write(grown, start=9)
    with pytest.raises(LedgerBroken, match="does not extend the one signed at 64"):
        signed.sign()
    assert _notes(signed) == []


def test_a_rewritten_log_is_refused_for_its_own_checkpoint_too(signed: Log) -> None:
    """Somebody who put an older checkpoint outside is told on by the stored one."""
    signed.settings.checkpoint_file.write_text(_notes(signed)[0][1])
    with signed.attack() as connection:
        connection.execute("UPDATE goals SET title = 'better' WHERE ledger_index = 40")
        recompute(connection)
    with pytest.raises(LedgerBroken, match="stored checkpoint"):
        signed.sign()


def test_a_lost_key_is_not_replaced(signed: Log) -> None:
    """A new one would look like a swapped one."""
    signed.settings.key_file.unlink()
    with pytest.raises(LedgerBroken, match="put it back"):
        signed.sign()
    assert not signed.settings.key_file.exists()


def test_a_swapped_signing_key_is_refused(signed: Log) -> None:
    """Both key ids are told; so are they where the public file was swapped with it."""
    own = SigningKey("grace/main/own", bytes(32))
    was = SigningKey.parse(signed.settings.key_file.read_text()).verifier.key_id
    signed.settings.key_file.write_text(own.text)
    for _ in range(2):
        with pytest.raises(LedgerBroken) as refused:
            signed.sign()
        assert own.verifier.key_id in str(refused.value)
        assert was in str(refused.value)
        signed.settings.key_file.with_name("signing.key.pub").write_text(f"{own.verifier}\n")


def test_a_public_key_that_is_not_the_signing_keys_is_refused(signed: Log) -> None:
    """It would make verifiers on this machine trust somebody else."""
    other = SigningKey("grace/main/own", bytes(32)).verifier
    signed.settings.key_file.with_name("signing.key.pub").write_text(f"{other}\n")
    with pytest.raises(LedgerBroken, match=other.key_id):
        signed.sign()


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM ledger_head", "UPDATE ledger_head SET size = 'x'", "DELETE FROM ledger_tiles"],
)
def test_a_damaged_head_or_tree_is_refused(signed: Log, change: str) -> None:
    """By one line that says how to find out more."""
    with signed.attack() as connection:
        connection.execute(change)
    with pytest.raises(LedgerBroken, match="run `grace ledger verify`"):
        signed.sign()


@pytest.mark.parametrize("content", ["", "PRIVATE+KEY+a+b+c", "grace+00000000+AAAA", "\x00"])
def test_a_damaged_key_file_is_refused_without_quoting_it(signed: Log, content: str) -> None:
    """Its content may be most of a secret."""
    signed.settings.key_file.write_text(content)
    with pytest.raises(BadInput, match=r"signing\.key: "):
        signed.sign()


def test_one_signer_at_a_time(log: Log) -> None:
    """A second one waits until the first has done, and finds its work."""
    log.write(1)
    done: list[Checkpoint] = []
    with locked(log.settings.log_dir / "signer.lock"):
        second = threading.Thread(target=lambda: done.append(log.sign()))
        second.start()
        kept_waiting(os.getpid())
        assert done == []
        assert _notes(log) == []
    second.join(30)
    assert done[0].size == 16


def test_rows_written_while_the_signer_works_are_left_for_the_next_time(
    log: Log, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint is of one snapshot."""
    log.write(1)
    make = signer.sign_note

    def meanwhile(text: str, key: SigningKey) -> str:
        log.write(1, start=1)
        return make(text, key)

    monkeypatch.setattr(signer, "sign_note", meanwhile)
    assert sign(log.settings, store, NOW, entropy=entropy()).size == 16
    assert log.verify().ok


class TestPublishing:
    """Where the owner of the log cannot take a checkpoint back."""

    @pytest.mark.parametrize("prefix", ["", "file://"])
    def test_to_a_file(self, log: Log, tmp_path: Path, prefix: str) -> None:
        """The same bytes as the outside checkpoint."""
        place = tmp_path / "pub lished" / "checkpoint"
        address = prefix + (str(place).replace(" ", "%20") if prefix else str(place))
        published = Log(log.settings.model_copy(update={"checkpoint_url": address}))
        for number in range(2):
            log.write(1, start=number)
            published.sign()
            assert place.read_text() == log.settings.checkpoint_file.read_text()

    def test_a_failure_keeps_the_signature_and_is_tried_again(
        self, log: Log, tmp_path: Path
    ) -> None:
        """Also when nothing grew since."""
        blocked = tmp_path / "blocked"
        blocked.write_text("a file where a folder should be")
        place = blocked / "checkpoint"
        published = Log(log.settings.model_copy(update={"checkpoint_url": str(place)}))
        log.write(1)
        with pytest.raises(Unreachable, match="signed and kept"):
            published.sign()
        assert log.verify().signed_size == 16
        blocked.unlink()
        published.sign()
        assert place.read_text() == log.settings.checkpoint_file.read_text()

    def test_what_is_published_is_not_published_again(self, log: Log, tmp_path: Path) -> None:
        """Once a minute, to the same place, would be noise."""
        place = tmp_path / "checkpoint"
        published = Log(log.settings.model_copy(update={"checkpoint_url": str(place)}))
        published.sign()
        place.unlink()
        published.sign()
        assert not place.exists()

    def test_an_address_of_another_kind_is_refused(self, log: Log) -> None:
        """After signing: the signature is worth more than the address."""
        wrong = Log(log.settings.model_copy(update={"checkpoint_url": "ftp://host/checkpoint"}))
        with pytest.raises(BadInput, match="GRACE_CHECKPOINT_URL"):
            wrong.sign()
        assert log.verify().ok


def test_a_checkpoint_says_when_it_was_signed(log: Log) -> None:
    """By the clock that was given."""
    log.write(1)
    store = open_store(log.settings.url)
    sign(log.settings, store, NOW + timedelta(hours=1), entropy=entropy())
    with store.reading() as connection:
        at = connection.exec_driver_sql("SELECT signed_at FROM checkpoints").scalar_one()
        note = newest(connection)
    store.engine.dispose()
    assert at == int((NOW + timedelta(hours=1)).timestamp()) * 10**6 + NOW.microsecond
    assert note == log.settings.checkpoint_file.read_text()
