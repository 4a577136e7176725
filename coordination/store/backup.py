"""What of a database is ours, and the statements around the loading of a backup. Copying itself is Postgres' own work.

A backup holds rows and the revision they are of. Tables, functions, rights and policies are made by the migrations, as
everywhere else: a project of Supabase has its own owner and its own grants, and holds other things in the same schema.

Fencing tokens go on above the highest one that either of the two can have given out: that of the backup, that of the
database into which it is loaded, and the clock, which a sequence of ours never falls behind (`store.fencing`). Leases
are as they were: what has ended by the clock stays ended.
"""

from dataclasses import dataclass
from typing import Final

from coordination.store.database import Database
from coordination.store.schema_version import VERSION_TABLE, known, tables_of

FENCING: Final = "coordination_fencing_token"
NAME: Final = "coord restore"
GUIDE_TABLES: Final = ("claude_code_sessions", "claude_code_agents", "file_locks", "task_progress")

# A table that was emptied may still have a size: better asked once too often.
LOOK: Final = """
    SELECT current_setting('server_version_num')::int / 10000 AS major,
           ARRAY(SELECT c.relname::text FROM pg_class c
                 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
                   AND c.relname = ANY ($1::text[]) ORDER BY 1) AS tables,
           ARRAY(SELECT c.relname::text FROM pg_class c
                 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
                   AND c.relname = ANY ($1::text[]) AND c.relname <> $2 AND pg_relation_size(c.oid) > 0
                 ORDER BY 1) AS filled,
           (SELECT count(*)::int FROM pg_stat_activity a
            WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
              AND a.application_name LIKE 'coordination%') AS services,
           coalesce((SELECT s.last_value FROM pg_sequences s
                     WHERE s.schemaname = 'public' AND s.sequencename = $3), 0) AS token
"""
# psql fills in :before, and runs it in the transaction in which the rows are loaded.
RAISE: Final = f"""
SELECT pg_catalog.setval('public.{FENCING}', greatest(
    (SELECT last_value FROM public.{FENCING}), :before,
    (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint) + 1000);
"""  # noqa: S608 - a constant above
EMPTY: Final = "TRUNCATE {tables};\n"


@dataclass(frozen=True, slots=True)
class Found:
    """What of ours a database holds.

    Attributes:
        major: the server's major version.
        tables: our tables that are there, the one with the revision among them.
        filled: those of them that hold rows, or held some lately.
        services: how many connections of a service there are.
        token: the last fencing token; 0 when there is no sequence.
    """

    major: int
    tables: tuple[str, ...]
    filled: tuple[str, ...]
    services: int
    token: int


async def look(dsn: str) -> Found:
    """Look what of ours is there. Raises what the driver raises."""
    database = Database(dsn, size=1)
    try:
        connection = await database.connect(NAME)
        try:
            ours = [*GUIDE_TABLES, *tables_of(known()), VERSION_TABLE]
            row = await connection.fetchrow(LOOK, ours, VERSION_TABLE, FENCING)
        finally:
            await connection.close()
    finally:
        await database.close()
    return Found(row["major"], tuple(row["tables"]), tuple(row["filled"]), row["services"], row["token"])


def emptying(tables: tuple[str, ...]) -> str:
    """Return the statement that empties tables of ours, by which the loading begins."""
    return EMPTY.format(tables=", ".join(f"public.{name}" for name in tables))
