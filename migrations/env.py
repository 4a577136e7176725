"""How Alembic reaches the database: through the connection that `coordination.store.migration` hands over.

That connection already holds the migrations' lock inside one transaction, so that several servers may start at
once. Without a connection (offline) the statements are printed, with those that take the lock, for psql or an SQL
editor. At the bottom of the way down the version table goes too: nothing of ours is left.
"""

from alembic import context

given = context.config.attributes
options = {
    "version_table": given["version_table"],
    "version_table_schema": "public",
    "transaction_per_migration": False,
}

if given["connection"] is None:
    # With the driver's own style of parameters every % would be printed twice, and RAISE counts them.
    context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, **options)
else:
    context.configure(connection=given["connection"], **options)
with context.begin_transaction():
    if given["connection"] is None:
        for statement in given["opening"]:
            context.execute(statement)
    context.run_migrations()
    if given["to_base"]:
        context.execute(f"DROP TABLE public.{given['version_table']}")
