"""Whatever is done to a log at any place is found there, and told as what it is; on both databases.

Fifty places drawn at random (seed below) for each deed; after each the log is as it was before.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from grace.ledger import tiles
from grace.ledger.note import Checkpoint, SigningKey, sign_note
from grace.ledger.tiles import grow
from grace.notary.layout import log_rows
from grace.notary.rows import leaves
from grace.notary.signer import sign
from grace.notary.stored import stored_bytes
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store import Store
from grace.store.append_only import drop_triggers
from grace.store.schema import LOGS, checkpoints, ledger_head, ledger_tiles
from grace.store.tile_table import DatabaseTiles
from tests.tampering import NOW, entropy, row_of

pytestmark = [pytest.mark.slow, pytest.mark.both_databases]

PLACES = 50
ROUNDS = 8
ROWS = ROUNDS * len(LOGS)
LEDGER = (ledger_head, ledger_tiles, checkpoints)
OTHER: dict[str, Any] = {
    "text": "something else",
    "integer": 7,
    "float": 0.5,
    "time": NOW + timedelta(days=1),
    "json": '{"else":1}',
}


@pytest.fixture
def signed(settings: Settings, store: Store) -> Settings:
    """A log of 128 rows, signed after every sixteen, whose triggers somebody took away."""
    for number in range(ROUNDS):
        with store.writing(NOW + timedelta(seconds=number)) as writer:
            for table in LOGS:
                writer.append(table, [row_of(table, number, odd="é")])
        sign(settings, store, NOW, entropy=entropy())
    with writing(store) as connection:
        for statement in drop_triggers(store.engine.dialect.name):
            connection.exec_driver_sql(statement)
    assert verify(settings, store).ok
    return settings


@contextmanager
def writing(store: Store) -> Iterator[sa.Connection]:
    options = {"writes": True}
    with store.engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def row_at(store: Store, index: int) -> tuple[sa.Table, dict[str, Any]]:
    with store.reading() as connection:
        for log in LOGS.values():
            query = sa.select(log.table).where(log.table.c.ledger_index == index)
            if (row := connection.execute(query).mappings().first()) is not None:
                return log.table, dict(row)
    raise AssertionError(f"no row at {index}")


def told(settings: Settings, store: Store) -> tuple[object, object]:
    found = verify(settings, store)
    return found.kind, found.first_bad_index


def test_an_edit_anywhere(signed: Settings, store: Store) -> None:
    """One cell of one row, of whatever kind."""
    rng = random.Random(1)
    for _ in range(PLACES):
        index = rng.randrange(ROWS)
        table, row = row_at(store, index)
        kinds = LOGS[table.name].kinds
        column = rng.choice([name for name, kind in kinds.items() if kind != "boolean"])
        mine = table.c.ledger_index == index
        with writing(store) as connection:
            connection.execute(table.update().where(mine).values({column: OTHER[kinds[column]]}))
        assert told(signed, store) == ("edited", index), (table.name, column)
        with writing(store) as connection:
            connection.execute(table.update().where(mine).values({column: row[column]}))
    assert verify(signed, store).ok


def test_a_deletion_anywhere(signed: Settings, store: Store) -> None:
    """One row, the last one too: head and tree still say that it was there."""
    rng = random.Random(2)
    for index in [*(rng.randrange(ROWS - 1) for _ in range(PLACES - 1)), ROWS - 1]:
        table, row = row_at(store, index)
        with writing(store) as connection:
            connection.execute(table.delete().where(table.c.ledger_index == index))

        assert told(signed, store) == ("deleted", index)
        with writing(store) as connection:
            connection.execute(table.insert(), [row])
    assert verify(signed, store).ok


def test_an_insertion_anywhere(signed: Settings, store: Store) -> None:
    """A row of another table at an index that is taken."""
    rng = random.Random(3)
    for number in range(PLACES):
        index = rng.randrange(ROWS)
        table, _ = row_at(store, index)
        other = LOGS[rng.choice([name for name in LOGS if name != table.name])]
        with store.reading() as connection:
            row = dict(connection.execute(sa.select(other.table)).mappings().first() or {})
        row |= {"id": f"new-{number}", "ledger_index": index}
        row |= dict.fromkeys(other.key, f"new-{number}")
        with writing(store) as connection:
            connection.execute(other.table.insert(), [row])
        assert told(signed, store) == ("inserted", index)
        with writing(store) as connection:
            connection.execute(other.table.delete().where(other.table.c.id == row["id"]))
    assert verify(signed, store).ok


def test_a_reordering_anywhere(signed: Settings, store: Store) -> None:
    """Two rows of a table that changed places."""
    rng = random.Random(4)
    for _ in range(PLACES):
        table = LOGS[rng.choice(list(LOGS))].table
        with store.reading() as connection:
            query = sa.select(table.c.ledger_index)
            places = sorted(connection.execute(query).scalars())
        first, second = sorted(rng.sample(places, 2))
        swap(store, table, first, second)
        assert told(signed, store) == ("reordered", first)
        swap(store, table, first, second)
    assert verify(signed, store).ok


def swap(store: Store, table: sa.Table, first: int, second: int) -> None:
    with writing(store) as connection:
        for old, new in ((first, -1), (second, first), (-1, second)):
            moved = table.update().where(table.c.ledger_index == old)
            connection.execute(moved.values(ledger_index=new))


def test_a_truncation_anywhere(signed: Settings, store: Store) -> None:
    """Rows, head and tree end earlier; or rows and head alone, in every second case."""
    rng, whole = random.Random(5), held(store)
    for number in range(PLACES):
        size = rng.randrange(1, ROWS)
        cut(store, size, tree_too=number % 2 == 0)
        found = verify(signed, store)
        assert (found.kind, found.first_bad_index) == ("truncated", size)
        assert (found.size, found.signed_size) == (size, ROWS)
        assert f"{size} rows found, {ROWS} signed" in str(found.reason)
        put_back(store, whole)
    assert verify(signed, store).ok


def test_a_tail_with_recomputed_hashes_anywhere(signed: Settings, store: Store) -> None:
    """A row is another one, and every hash fits it: told by the signed sizes around it."""
    rng, whole = random.Random(6), held(store)
    for _ in range(PLACES):
        index = rng.randrange(ROWS)
        begin = index // len(LOGS) * len(LOGS)
        edit(store, index)
        found = verify(signed, store)
        assert (found.kind, found.first_bad_index) == ("recomputed", begin)
        assert f"up to {begin} rows and is not at {begin + len(LOGS)}" in str(found.reason)
        assert f"in {begin} to {begin + len(LOGS) - 1}" in str(found.reason)
        put_back(store, whole)
    assert verify(signed, store).ok


def test_a_swapped_key_anywhere(signed: Settings, store: Store) -> None:
    """A row is another one, and what was signed from there on is signed anew by a key of one's own.

    In every second case the outside checkpoint was out of reach, and tells where it begins.
    """
    rng, whole = random.Random(7), held(store)
    trusted = SigningKey.parse(signed.key_file.read_text()).verifier
    outside = signed.checkpoint_file.read_text()
    for number in range(PLACES):
        index = rng.randrange(ROWS)
        begin = index // len(LOGS) * len(LOGS)
        edit(store, index)
        own = SigningKey(trusted.name, rng.randbytes(32))
        last = sign_anew(store, own, begin)
        if number % 2:
            signed.checkpoint_file.write_text(last)
        found = verify(signed, store, key=trusted)
        assert found.kind == "swapped_key"
        assert found.first_bad_index == (None if number % 2 else begin)
        where = "outside checkpoint" if number % 2 else f"checkpoint of size {begin + len(LOGS)}"
        assert where in str(found.reason)
        assert trusted.key_id in str(found.reason)
        assert own.verifier.key_id in str(found.reason)
        signed.checkpoint_file.write_text(outside)
        put_back(store, whole)
    assert verify(signed, store).ok


def test_an_old_copy_of_any_age(signed: Settings, store: Store) -> None:
    """Whole in itself, as the log was when it had so many rows: the outside checkpoint is newer."""
    rng, whole = random.Random(8), held(store)
    for _ in range(PLACES):
        size = rng.randrange(1, ROWS)
        cut(store, size)
        with writing(store) as connection:
            connection.execute(checkpoints.delete().where(checkpoints.c.size > size))
        found = verify(signed, store)
        assert (found.kind, found.first_bad_index) == ("restored", size)
        assert (found.size, found.signed_size) == (size, ROWS)
        assert f"newer outside checkpoint signs {ROWS}" in str(found.reason)
        put_back(store, whole)
    assert verify(signed, store).ok


def held(store: Store) -> dict[sa.Table, list[dict[str, Any]]]:
    """Every row of every table that the log is made of."""
    with store.reading() as connection:
        return {
            table: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for table in (*(log.table for log in LOGS.values()), *LEDGER)
        }


def put_back(store: Store, whole: dict[sa.Table, list[dict[str, Any]]]) -> None:
    with writing(store) as connection:
        for table, rows in whole.items():
            connection.execute(table.delete())
            connection.execute(table.insert(), rows)


def cut(store: Store, size: int, *, tree_too: bool = True) -> None:
    with writing(store) as connection:
        for log in LOGS.values():
            connection.execute(log.table.delete().where(log.table.c.ledger_index >= size))
        connection.execute(ledger_head.update().values(size=size))
    if tree_too:
        recompute(store)


def edit(store: Store, index: int) -> None:
    """One text of one row, and the tree that it gives."""
    table, _ = row_at(store, index)
    texts = [name for name in LOGS[table.name].payload if LOGS[table.name].kinds[name] == "text"]
    mine = table.c.ledger_index == index
    with writing(store) as connection:
        connection.execute(table.update().where(mine).values({texts[-1]: "something else"}))
    recompute(store)


def recompute(store: Store) -> None:
    """Give the rows the tree they would have; a forger needs no key for it."""
    hashes: dict[int, Any] = {}
    with store.reading() as connection, stored_bytes(connection) as raw:
        for table in log_rows():
            for indices, found in leaves(raw, table):
                hashes |= dict(zip(indices, found, strict=True))
    with writing(store) as connection:
        connection.execute(ledger_tiles.delete())
        grow(DatabaseTiles(connection), 0, [hashes[index] for index in sorted(hashes)])


def sign_anew(store: Store, key: SigningKey, begin: int) -> str:
    """Every checkpoint of more than `begin` rows, of the tree that there is now; the last one."""
    note = ""
    with writing(store) as connection:
        query = sa.select(checkpoints.c.size).where(checkpoints.c.size > begin)
        for size in sorted(connection.execute(query).scalars()):
            root = tiles.root(DatabaseTiles(connection), size)
            note = sign_note(Checkpoint(key.name, size, root).text, key)
            mine = checkpoints.c.size == size
            connection.execute(checkpoints.update().where(mine).values(note=note))
    return note
