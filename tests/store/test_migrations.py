"""The migrations build what the models say, and nothing else."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from grace.store import Store, database
from grace.store.append_only import KINDS
from grace.store.schema import LOGS, metadata


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


def test_every_log_table_has_its_triggers(store: Store) -> None:
    """They are made by opening, whichever migration ran."""
    with store.reading() as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        found = set(connection.exec_driver_sql(query).scalars())
    assert found == {f"{name}_{kind}" for name in LOGS for kind in KINDS}
