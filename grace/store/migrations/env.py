"""Alembic runs the migrations inside the transaction that `open_store` holds."""

from alembic import context

from grace.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
    render_as_batch=True,
)
context.run_migrations()
