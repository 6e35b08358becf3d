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

from grace.notary.signer import sign
from grace.notary.verify import verify
from grace.settings import Settings
from grace.store import Store
from grace.store.append_only import drop_triggers
from grace.store.schema import LOGS
from tests.tampering import NOW, entropy, row_of

pytestmark = [pytest.mark.slow, pytest.mark.both_databases]

PLACES = 50
ROUNDS = 8
ROWS = ROUNDS * len(LOGS)
OTHER: dict[str, Any] = {
    "text": "something else",
    "integer": 7,
    "float": 0.5,
    "time": NOW + timedelta(days=1),
    "json": '{"else":1}',
}


@pytest.fixture
def signed(settings: Settings, store: Store) -> Settings:
    """A log of 128 rows, signed half way and at its end, whose triggers somebody took away."""
    for number in range(ROUNDS):
        with store.writing(NOW + timedelta(seconds=number)) as writer:
            for table in LOGS:
                writer.append(table, [row_of(table, number, odd="é")])
        if number in (ROUNDS // 2 - 1, ROUNDS - 1):
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
