"""Whether the roles by which Supabase serves the schema `public` have the policies that the migrations made for them.

A revision makes policies where those roles are, and is recorded elsewhere too: they may come later, when a dump is
restored into a project for example. Without policies nobody reads anything by those roles, which is safe and of no
use. This module only looks; `store.migration` applies.
"""

from typing import Final, Literal

import asyncpg

from coordination.domain.trouble import named
from coordination.store.database import Database, retry_later
from coordination.store.schema_version import folder, known

State = Literal["applied", "absent", "not needed"]

LOOK: Final = """
SELECT (SELECT count(*) = 2 FROM pg_roles WHERE rolname IN ('anon', 'authenticated')) AND EXISTS (
           SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
           WHERE n.nspname = 'auth' AND p.proname = 'uid' AND p.pronargs = 0 AND has_schema_privilege(n.oid, 'USAGE')
       ) AS wanted,
       EXISTS (SELECT FROM pg_policy
               WHERE polrelid = to_regclass('public.workspace_members') AND polname = 'coordination_read')
       AND NOT EXISTS (
           SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'realtime' AND c.relname = 'messages' AND pg_has_role(c.relowner, 'MEMBER')
             AND EXISTS (SELECT FROM pg_proc p
                         WHERE p.pronamespace = n.oid AND p.proname = 'topic' AND p.pronargs = 0)
             AND NOT EXISTS (SELECT FROM pg_policy o WHERE o.polrelid = c.oid AND o.polname = 'coordination_confine')
       ) AS there
"""


async def look(database: Database) -> State:
    """Return whether they are there; "not needed" where those roles are not.

    Raises:
        RetryLater: the database cannot answer now.
    """
    try:
        row = (await database.fetch(LOOK))[0]
    except asyncpg.PostgresError as error:
        raise retry_later(f"it refuses to tell its policies: {named(error)}") from error
    return state(wanted=row["wanted"], there=row["there"])


def state(*, wanted: bool, there: bool) -> State:
    """Say what the two columns of `LOOK` mean."""
    if there:
        return "applied"
    return "absent" if wanted else "not needed"


def statements() -> str:
    """Return the statement that makes them, as the newest revision that has some wrote it; it can be run again."""
    files = (folder() / "frozen" / revision / "schema" / "policies.sql" for revision in reversed(known()))
    return next(file for file in files if file.is_file()).read_text(encoding="utf-8")
