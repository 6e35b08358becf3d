"""The database itself refuses to change what was logged."""

import pytest
import sqlalchemy as sa

from grace.store import Store
from grace.store.schema import LOGS
from tests.tampering import NOW, row_of

ERASE = """
    UPDATE goals SET {} WHERE goal_id = 'goals-goal_id-1'
"""
GONE = [name for name in LOGS["goals"].payload if name not in ("goal_id", "source")]
BARE = ", ".join(f'"{name}" = NULL' for name in [*GONE, "salt"])


pytestmark = pytest.mark.both_databases


@pytest.fixture
def filled(store: Store) -> Store:
    """One row in each log table."""
    with store.writing(NOW) as writer:
        for name in LOGS:
            writer.append(name, [row_of(name, 1, odd="")])
    return store


def _execute(store: Store, statement: str) -> None:
    with store.writing(NOW) as writer:
        writer.connection.exec_driver_sql(statement)


@pytest.mark.parametrize("table", LOGS)
def test_no_row_is_updated_or_deleted(filled: Store, table: str) -> None:
    """In any log table, by anyone who speaks SQL to it."""
    statements = [f"UPDATE {table} SET {column} = {column}" for column in ("source", "salt")]
    statements += [f"DELETE FROM {table}"]
    if filled.engine.dialect.name == "postgresql":
        statements += [f"TRUNCATE {table}", "TRUNCATE goals, erasures, " + table]
    for statement in statements:
        with pytest.raises(sa.exc.IntegrityError, match="is append-only"):
            _execute(filled, statement)


@pytest.mark.parametrize("table", LOGS)
@pytest.mark.parametrize("same", ["id", "ledger_index", "key"])
def test_no_row_is_replaced(filled: Store, table: str, same: str) -> None:
    """INSERT OR REPLACE would delete the row in its way without firing any delete."""
    log = LOGS[table]
    kept = {"id": {"id"}, "ledger_index": {"ledger_index"}, "key": {*log.key, "revision"}}[same]
    columns = [column.name for column in log.table.c]
    values = [
        name if name in kept else f"'other-{name}'" if name == "id" or name in log.key else name
        for name in columns
    ]
    replacing = {"ledger_index": "ledger_index + 1000", "source": "'forged'"}
    said = ", ".join(
        replacing.get(name, value) if name not in kept else value
        for name, value in zip(columns, values, strict=True)
    )
    names = ", ".join(f'"{name}"' for name in columns)
    if filled.engine.dialect.name == "sqlite":
        statement = f"INSERT OR REPLACE INTO {table} ({names}) SELECT {said} FROM {table}"
    else:
        target = {"id": "id", "ledger_index": "ledger_index", "key": ", ".join(kept)}[same]
        statement = (
            f"INSERT INTO {table} ({names}) SELECT {said} FROM {table} "
            f"ON CONFLICT ({target}) DO UPDATE SET source = 'forged'"
        )
    with pytest.raises(sa.exc.IntegrityError, match=f"{table} is append-only"):
        _execute(filled, statement)


def _name_in_erasures(store: Store) -> None:
    with store.reading() as connection:
        row_id = connection.exec_driver_sql("SELECT id FROM goals").scalar_one()
    with store.writing(NOW) as writer:
        named = {"erasure_id": "e", "table_name": "goals", "row_id": row_id, "digest": "00" * 32}
        writer.append("erasures", [named])


def test_a_named_row_is_emptied_and_nothing_else(filled: Store) -> None:
    """Payload and salt become null, whole; key, source and identity stay."""
    with pytest.raises(sa.exc.IntegrityError, match="append-only"):
        _execute(filled, ERASE.format(BARE))
    _name_in_erasures(filled)
    for change in (
        "title = 'x'",
        "title = NULL",
        "salt = NULL",
        f"{BARE}, source = 'x'",
        f"{BARE}, goal_id = 'x'",
        f"{BARE}, revision = 2",
        f"{BARE}, ledger_index = 99",
    ):
        with pytest.raises(sa.exc.IntegrityError, match="append-only"):
            _execute(filled, ERASE.format(change))
    _execute(filled, ERASE.format(BARE))
    with filled.reading() as connection:
        row = connection.exec_driver_sql("SELECT * FROM goals").mappings().one()
    left = {name for name, value in row.items() if value is not None}
    assert left == {"id", "revision", "recorded_at", "goal_id", "source", "ledger_index"}


def test_what_an_erasure_says_cannot_be_erased(filled: Store) -> None:
    """Not even when an erasure names an erasure."""
    with filled.reading() as connection:
        row_id = connection.exec_driver_sql("SELECT id FROM erasures").scalar_one()
    with filled.writing(NOW) as writer:
        named = {"erasure_id": "e2", "table_name": "erasures", "row_id": row_id}
        writer.append("erasures", [named])
    with pytest.raises(sa.exc.IntegrityError, match="append-only"):
        _execute(filled, "UPDATE erasures SET reason = NULL, salt = NULL")


def test_a_sessions_own_erasures_free_nothing(filled: Store) -> None:
    """A temporary table of that name comes first wherever a schema is not named."""
    with filled.writing(NOW) as writer:
        row_id = writer.connection.exec_driver_sql("SELECT id FROM goals").scalar_one()
        forged = "CREATE TEMP TABLE erasures (table_name text, row_id text)"
        writer.connection.exec_driver_sql(forged)
        named = sa.text("INSERT INTO erasures VALUES ('goals', :row)")
        writer.connection.execute(named, {"row": row_id})
        with pytest.raises(sa.exc.IntegrityError, match="append-only"):
            writer.connection.exec_driver_sql(ERASE.format(BARE))
        writer.connection.rollback()
