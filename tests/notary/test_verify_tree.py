"""Damage to head, tiles and checkpoints is told apart from damage to rows."""

from collections.abc import Callable
from sqlite3 import Connection

import pytest

from grace.ledger.note import SigningKey, sign_note
from grace.store.schema import LOGS
from tests.tampering import Log, recompute

Attack = Callable[[Connection], object]


def _tile(connection: Connection, level: int, tile: int) -> bytes:
    query = "SELECT hashes FROM ledger_tiles WHERE level = ? AND tile = ?"
    return bytes(connection.execute(query, (level, tile)).fetchone()[0])


def _put(connection: Connection, level: int, tile: int, hashes: object) -> None:
    connection.execute("DELETE FROM ledger_tiles WHERE level = ? AND tile = ?", (level, tile))
    connection.execute("INSERT INTO ledger_tiles VALUES (?, ?, ?)", (level, tile, hashes))


def _flip(hashes: bytes, place: int) -> bytes:
    return hashes[: place * 32] + bytes([hashes[place * 32] ^ 1]) + hashes[place * 32 + 1 :]


def _cut(connection: Connection, size: int) -> None:
    """Take the rows from `size` on away, and the tree back to what it was then."""
    for name in LOGS:
        connection.execute(f"DELETE FROM {name} WHERE ledger_index >= {size}")
    recompute(connection)


@pytest.mark.parametrize("place", [0, 100, 187])
def test_a_changed_leaf_is_the_tiles_fault(tall: Log, place: int) -> None:
    """The rows give the root that was signed, the tile does not. Full tile or not."""
    for tile in (0, 2):
        with tall.attack() as connection:
            kept = _tile(connection, 0, tile)
            _put(connection, 0, tile, _flip(kept, place))
        found = tall.verify()
        assert (found.kind, found.first_bad_index) == ("tile", tile * 256 + place)
        with tall.attack() as connection:
            _put(connection, 0, tile, kept)
    assert tall.verify().ok


@pytest.mark.parametrize(
    ("attack", "index"),
    [
        (lambda c: _put(c, 1, 0, _flip(_tile(c, 1, 0), 1)), 256),
        (lambda c: c.execute("DELETE FROM ledger_tiles WHERE level = 1"), 0),
        (lambda c: _put(c, 1, 0, _tile(c, 1, 0)[:32]), 256),
        (lambda c: _put(c, 1, 0, _tile(c, 1, 0) + bytes(32)), 512),
        (lambda c: _put(c, 2, 0, bytes(32)), 700),
        (lambda c: _put(c, -1, 0, bytes(32)), 700),
        (lambda c: c.execute("DELETE FROM ledger_tiles WHERE level = 0 AND tile = 1"), 256),
        (lambda c: _put(c, 0, 1, _tile(c, 0, 1)[:-1]), 256),
        (lambda c: _put(c, 0, 1, _tile(c, 0, 1) + bytes(32)), 256),
        (lambda c: _put(c, 0, 2, _tile(c, 0, 2)[:-32]), 699),
        (lambda c: c.execute("UPDATE ledger_tiles SET hashes = CAST(hashes AS TEXT)"), 0),
        (lambda c: c.execute("DELETE FROM ledger_tiles"), 0),
    ],
)
def test_damaged_tiles(tall: Log, attack: Attack, index: int) -> None:
    """A hash changed, missing or too many; a tile missing, misshapen or of no use."""
    with tall.attack() as connection:
        attack(connection)
    found = tall.verify()
    assert (found.kind, found.first_bad_index) == ("tile", index)


@pytest.mark.parametrize(
    ("change", "index"),
    [
        ("UPDATE ledger_head SET size = 63", 63),
        ("UPDATE ledger_head SET size = 70", 64),
        ("UPDATE ledger_head SET size = 'many'", 64),
        ("DELETE FROM ledger_head", 64),
        ("INSERT INTO ledger_head VALUES (2, 64)", 64),
    ],
)
def test_a_damaged_head(signed: Log, change: str, index: int) -> None:
    """Rows, tiles and checkpoints agree on a size, and the head does not."""
    with signed.attack() as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(change)
    found = signed.verify()
    assert (found.kind, found.first_bad_index, found.size) == ("head", index, 64)


def test_a_truncated_log(signed: Log) -> None:
    """Rows, tiles and head cut back together: size found and size signed are told."""
    with signed.attack() as connection:
        _cut(connection, 40)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("truncated", 40)
    assert (found.size, found.signed_size) == (40, 64)
    assert "40 rows found, 64 signed" in str(found.reason)


def test_a_truncated_log_whose_tiles_were_left(signed: Log) -> None:
    """The leaves of the lost rows are still there, which does not make it a deletion."""
    with signed.attack() as connection:
        for name in LOGS:
            connection.execute(f"DELETE FROM {name} WHERE ledger_index >= 40")
        connection.execute("UPDATE ledger_head SET size = 40")
    found = signed.verify()
    assert (found.kind, found.first_bad_index, found.size) == ("truncated", 40, 40)
    assert (found.signed_size, found.root) == (64, None)


def test_a_restored_old_copy(signed: Log, log: Log) -> None:
    """The database is whole and older than the checkpoint outside it."""
    log.write(2)
    log.sign()
    old = log.path.read_bytes()
    log.write(1, start=2)
    log.sign()
    log.path.write_bytes(old)
    log.path.with_suffix(".db-wal").unlink(missing_ok=True)
    found = log.verify()
    assert (found.kind, found.first_bad_index) == ("restored", 32)
    assert (found.size, found.signed_size) == (32, 48)


def test_an_old_copy_that_grew_beyond_the_outside_checkpoint(log: Log) -> None:
    """Its size gives nothing away any more, its root does."""
    log.write(1)
    log.sign()
    old = log.path.read_bytes()
    log.write(1, start=1)
    log.sign()
    log.path.write_bytes(old)
    log.path.with_suffix(".db-wal").unlink(missing_ok=True)
    log.write(3, start=1)
    found = log.verify()
    assert (found.kind, found.first_bad_index) == ("recomputed", 16)
    assert "16 to 31" in str(found.reason)


def test_a_tail_with_recomputed_hashes(signed: Log) -> None:
    """The interval from the last checkpoint that holds to the first that does not."""
    with signed.attack() as connection:
        connection.execute("UPDATE goals SET title = 'better' WHERE ledger_index = 56")
        recompute(connection)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("recomputed", 32)
    assert "up to 32 rows" in str(found.reason)
    assert "in 32 to 63" in str(found.reason)


def test_recomputed_leaves_below_upper_tiles_left_as_they_were(tall: Log) -> None:
    """The forgotten tile narrows down where the row must be."""
    with tall.attack() as connection:
        connection.execute("UPDATE goals SET title = 'better' WHERE ledger_index = 300")
        upper = _tile(connection, 1, 0)
        recompute(connection)
        _put(connection, 1, 0, upper)
    found = tall.verify()
    assert (found.kind, found.first_bad_index) == ("recomputed", 256)


def test_a_rewritten_history_signed_with_the_stolen_key(signed: Log) -> None:
    """The outside checkpoint and the forged ones contradict each other, in one key's name."""
    key = SigningKey.parse(signed.settings.key_file.read_text())
    with signed.attack() as connection:
        connection.execute("UPDATE goals SET title = 'better' WHERE ledger_index = 8")
        recompute(connection)
        connection.execute("DELETE FROM checkpoints")
    outside = signed.settings.checkpoint_file.read_text()
    signed.settings.checkpoint_file.unlink()
    forged = signed.sign()
    signed.settings.checkpoint_file.write_text(outside)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("recomputed", 0)
    assert f"{key.verifier.key_id} has signed two histories" in str(found.reason)
    assert forged.size == found.signed_size == 64


def test_a_tail_rewritten_after_the_last_checkpoint_cannot_be_known(signed: Log) -> None:
    """docs/threat-model.md says so: what is not signed is only as good as the file."""
    signed.write(1, start=4)
    with signed.attack() as connection:
        connection.execute("UPDATE goals SET title = 'better' WHERE ledger_index = 72")
        recompute(connection)
    found = signed.verify()
    assert (found.ok, found.size, found.signed_size) == (True, 80, 64)


def test_a_swapped_key(signed: Log) -> None:
    """A forger who signs with a key of his own is known by it: both key ids are told."""
    trusted = SigningKey.parse(signed.settings.key_file.read_text()).verifier
    own = SigningKey(trusted.name, bytes(32))
    with signed.attack() as connection:
        connection.execute("UPDATE goals SET title = 'better' WHERE ledger_index = 56")
        recompute(connection)
        connection.execute("DELETE FROM checkpoints WHERE size = 64")
    signed.settings.key_file.write_text(own.text + "\n")
    public = signed.settings.key_file.with_name("signing.key.pub")
    public.write_text(f"{own.verifier}\n")
    found = signed.verify()
    assert found.kind == "swapped_key"
    assert trusted.key_id in str(found.reason)
    assert own.verifier.key_id in str(found.reason)
    assert signed.verify(key=trusted).kind == "recomputed"


def test_every_checkpoint_signed_anew_by_another_key(signed: Log) -> None:
    """Nothing on this machine tells, and the public key that the auditor kept does."""
    trusted = SigningKey.parse(signed.settings.key_file.read_text()).verifier
    with signed.attack() as connection:
        connection.execute("DELETE FROM checkpoints")
    for path in signed.settings.log_dir.glob("signing*"):
        path.unlink()
    signed.settings.checkpoint_file.unlink()
    signed.sign(seed=7)
    assert signed.verify().ok
    found = signed.verify(key=trusted)
    assert (found.ok, found.kind) == (False, "swapped_key")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE checkpoints SET note = replace(note, x'0a' || '32', x'0a' || '33') WHERE size = 32",
        "UPDATE checkpoints SET note = CAST(note AS BLOB) WHERE size = 32",
        "UPDATE checkpoints SET note = '' WHERE size = 32",
        "UPDATE checkpoints SET size = 33 WHERE size = 32",
        "UPDATE checkpoints SET note = substr(note, 1, length(note) - 8) || 'AAAAAA==' || char(10)",
    ],
)
def test_a_damaged_stored_checkpoint(signed: Log, change: str) -> None:
    """It is no signature of this log's key any more."""
    with signed.attack() as connection:
        connection.execute(change)
    found = signed.verify()
    assert (found.kind, found.first_bad_index) == ("checkpoint", None)


def test_a_damaged_outside_checkpoint(signed: Log) -> None:
    """Bytes that are not even text included."""
    for content in (b"", b"\xff\xfe", signed.settings.checkpoint_file.read_bytes()[:-4]):
        signed.settings.checkpoint_file.write_bytes(content)
        assert signed.verify().kind == "checkpoint"


def test_a_checkpoint_of_another_log_is_not_one_of_this(signed: Log) -> None:
    """The key signs for its own origin alone."""
    key = SigningKey.parse(signed.settings.key_file.read_text())
    text = signed.settings.checkpoint_file.read_text().rpartition("\n\n")[0] + "\n"
    foreign = sign_note(text.replace(key.name, "grace/other/00"), key)
    signed.settings.checkpoint_file.write_text(foreign)
    assert signed.verify().kind == "checkpoint"


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE goals RENAME TO hidden; CREATE VIEW goals AS SELECT * FROM hidden",
        "ALTER TABLE goals ADD COLUMN remark TEXT",
        "DROP TABLE outbox; ALTER TABLE checkpoints RENAME TO outbox",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, 'title TEXT', "
        "'title TEXT AS (description)') WHERE name = 'goals'",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, 'title TEXT', "
        "'title BLOB') WHERE name = 'goals'",
    ],
)
def test_tables_that_are_not_the_ones_grace_made(signed: Log, change: str) -> None:
    """A view can show a verifier one thing and the next reader another."""
    with signed.attack() as connection:
        connection.executescript(change)
    assert signed.verify().kind == "schema"
