"""How Alembic reaches the database: through the connection that `coordination.store.migration` hands over.

That connection already holds the migrations' lock inside one transaction, so that several servers may start at
once. Without a connection (offline) the statements are printed for the SQL editor.
"""

from alembic import context

connection = context.config.attributes.get("connection")
options = {"version_table": context.config.attributes["version_table"], "transaction_per_migration": False}

if connection is None:
    # With the driver's own style of parameters every % would be printed twice, and RAISE counts them.
    context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, **options)
else:
    context.configure(connection=connection, **options)
with context.begin_transaction():
    context.run_migrations()
