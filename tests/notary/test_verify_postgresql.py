"""What was done to a log in PostgreSQL is found, and told as what it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from grace.notary.signer import sign
from grace.notary.verify import Verification, verify
from grace.settings import Settings
from grace.store import Store
from grace.store.append_only import drop_triggers
from grace.store.erasing import Erased, erase
from grace.store.schema import LOGS
from tests.tampering import NOW, entropy, row_of

pytestmark = pytest.mark.parametrize("log_url", ["postgresql"], indirect=True)


@pytest.fixture
def signed(settings: Settings, store: Store) -> Settings:
    """64 rows, 4 in each table, signed at 32 and at 64."""
    for number in range(4):
        with store.writing(NOW + timedelta(seconds=number)) as writer:
            for table in LOGS:
                writer.append(table, [row_of(table, number, odd="é")])
        if number % 2:
            sign(settings, store, NOW, entropy=entropy())
    return settings


@contextmanager
def attack(settings: Settings) -> Iterator[psycopg.Connection]:
    """The database as its owner has it, who needs no permission of Grace's."""
    with psycopg.connect(settings.url) as connection:
        for statement in drop_triggers("postgresql"):
            connection.execute(statement.encode())
        yield connection


def test_an_untouched_log_verifies(signed: Settings, store: Store) -> None:
    """Text, numbers, times and JSON are hashed from what the database holds."""
    found = verify(signed, store)
    assert found == Verification(True, 64, found.root, 64)


def _edit(connection: psycopg.Connection, table: str, column: str, index: int) -> object:
    """Change one cell to something else of its type; what was there."""
    other = {"text": "'x'", "integer": "7", "float": "0.5", "time": "5", "json": "'{}'"}
    value = other.get(LOGS[table].kinds[column], f'NOT "{column}"')
    where = f"FROM {table} WHERE ledger_index = {index}"
    (before,) = connection.execute(f'SELECT "{column}" {where}'.encode()).fetchone() or (None,)
    change = f'UPDATE {table} SET "{column}" = {value} WHERE ledger_index = {index}'
    connection.execute(change.encode())
    connection.commit()
    return before


@pytest.mark.parametrize("table", ["healing_attempts"])
def test_an_edit_of_any_column_is_found(signed: Settings, store: Store, table: str) -> None:
    """Each column in turn, of the first row of the second half, and put back."""
    with attack(signed) as connection:
        for column in LOGS[table].kinds:
            before = _edit(connection, table, column, 32)
            found = verify(signed, store)
            assert (found.kind, found.first_bad_index) == ("edited", 32), column
            back = f'UPDATE {table} SET "{column}" = %s WHERE ledger_index = 32'
            connection.execute(back.encode(), [before])
            connection.commit()
    assert verify(signed, store).ok


def test_an_edit_in_any_table_is_found(signed: Settings, store: Store) -> None:
    """From the last one to the first: the first bad index is always the newest edit's."""
    with attack(signed) as connection:
        for place, (name, log) in reversed(list(enumerate(LOGS.items()))):
            _edit(connection, name, log.payload[-2], 32 + place)
            found = verify(signed, store)
            assert (found.kind, found.first_bad_index) == ("edited", 32 + place), name


@pytest.mark.parametrize(
    ("statements", "kind", "index"),
    [
        (["DELETE FROM goals WHERE goal_id = 'goals-goal_id-1'"], "deleted", 24),
        (
            ["UPDATE goals SET ledger_index = -1 WHERE ledger_index = 24",
             "UPDATE goals SET ledger_index = 24 WHERE ledger_index = 8",
             "UPDATE goals SET ledger_index = 8 WHERE ledger_index = -1"],
            "reordered",
            8,
        ),
        (
            ["INSERT INTO goals (id, revision, recorded_at, goal_id, source, ledger_index, salt) "
             "SELECT 'new', 1, recorded_at, 'new', source, 64, salt FROM goals LIMIT 1"],
            "inserted",
            64,
        ),
        (["UPDATE ledger_tiles SET hashes = overlay(hashes PLACING '\\x00' FROM 33)"], "tile", 1),
        (["UPDATE ledger_head SET size = 63"], "head", 63),
        (["UPDATE checkpoints SET note = 'x' || note WHERE size = 32"], "checkpoint", None),
        (["ALTER TABLE goals ENABLE ROW LEVEL SECURITY"], "schema", None),
        (["ALTER TABLE goals RENAME TO real", "CREATE VIEW goals AS SELECT * FROM real"],
         "schema", None),
        (["ALTER TABLE goals ALTER COLUMN baseline TYPE real"], "schema", None),
        (["CREATE TABLE more () INHERITS (goals)"], "schema", None),
    ],
)  # fmt: skip
def test_each_deed_is_told_as_what_it_is(
    signed: Settings, store: Store, statements: list[str], kind: str, index: int | None
) -> None:
    """By its kind, and by the first index it concerns."""
    with attack(signed) as connection:
        for statement in statements:
            connection.execute(statement.encode())
    found = verify(signed, store)
    assert (found.ok, found.kind, found.first_bad_index) == (False, kind, index)


def test_a_log_cut_short_is_found(signed: Settings, store: Store) -> None:
    """Its last rows are gone and the head agrees; the outside checkpoint knows better."""
    with attack(signed) as connection:
        for table in LOGS:
            connection.execute(f"DELETE FROM {table} WHERE ledger_index >= 48".encode())
        connection.execute("UPDATE ledger_head SET size = 48")
    found = verify(signed, store)
    assert (found.kind, found.first_bad_index) == ("truncated", 48)


def test_another_key_is_told(signed: Settings, store: Store, tmp_path) -> None:
    """Whoever signs with a key of their own is not taken for the log's."""
    assert verify(signed, store).ok
    other = replace_key(signed, tmp_path)
    assert verify(signed, store, key=other).kind == "swapped_key"


def replace_key(settings: Settings, folder) -> object:
    from grace.notary import keys

    stranger = settings.model_copy(update={"data_dir": folder / "stranger"})
    stranger.log_dir.mkdir(parents=True)
    return keys.make_key(stranger, entropy(9)).verifier


def test_an_erased_row_verifies_in_its_place(signed: Settings, store: Store) -> None:
    """Its new version lies behind the others in the table: slower, and as exact."""
    with store.writing(NOW + timedelta(seconds=9)) as writer:
        agreed = Erased("asked to", "ann", "ben")
        assert erase(writer, "healing_attempts", "healing_attempts-attempt_id-1", agreed,
                     erasure="e-1") == 1  # fmt: skip
    found = verify(signed, store)
    assert (found.ok, found.size) == (True, 65)
