"""The migrations build what the models say, and nothing else."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from grace.store import Store, database, open_store
from grace.store.append_only import KINDS, POSTGRESQL_KINDS
from grace.store.read import newest
from grace.store.schema import LOGS, metadata
from tests.proposing import NOON

ENABLED = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'"


@pytest.mark.both_databases
def test_migrations_equal_models(store: Store) -> None:
    """Alembic finds no difference: tables, columns, types, indices, constraints."""
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_the_store_expects() -> None:
    """A migration that was added without the constant would never run."""
    folder = database.Path(database.__file__).parent / "migrations"
    script = ScriptDirectory(str(folder))
    assert script.get_heads() == [database.REVISION]
    revisions = {revision.revision for revision in script.walk_revisions()}
    assert revisions == set(database.KNOWN_REVISIONS)


@pytest.mark.both_databases
def test_every_log_table_has_its_triggers(store: Store) -> None:
    """They are made by opening, whichever migration ran."""
    with store.reading() as connection:
        on_sqlite = connection.dialect.name == "sqlite"
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'" if on_sqlite else ENABLED
        found = set(connection.exec_driver_sql(query).scalars())
    kinds = KINDS if on_sqlite else POSTGRESQL_KINDS
    assert found == {f"{name}_{kind}" for name in LOGS for kind in kinds}


def test_a_log_of_the_first_schema_is_brought_up_to_date_with_its_rows(tmp_path: Path) -> None:
    """Rows and ledger stay; the tables that came later are there."""
    url = f"sqlite:///{tmp_path / 'grace.db'}"
    old = open_store(url)
    with old.writing(NOON) as writer:
        writer.append("shard_logs", [{"log_id": "one", "timestamp": NOON}])
    with old.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.exec_driver_sql("DROP TABLE quarantine")
        connection.exec_driver_sql("DROP TABLE rollups")
        connection.exec_driver_sql("DROP TABLE recent_rows")
        connection.exec_driver_sql("DROP INDEX ix_own_learning_id")
        connection.exec_driver_sql("DROP INDEX ix_own_focus_area")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    old.engine.dispose()

    opened = open_store(url)
    assert list(newest(opened, "shard_logs")["log_id"]) == ["one"]
    with opened.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
