"""Two workspaces with rows in every table, people who look at them, and what each of them may see.

The same rows and people are tried in SQL by `set role`, and through a real PostgREST, on every version of Postgres.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

TEAM, OTHER = "team", "other"
PEOPLE: Final = {
    "owner": "00000000-0000-4000-8000-000000000001",
    "member": "00000000-0000-4000-8000-000000000002",
    "viewer": "00000000-0000-4000-8000-000000000003",
    "stranger": "00000000-0000-4000-8000-000000000004",
    "newcomer": "00000000-0000-4000-8000-000000000005",
}
"""Who is logged in, by the id in the token: three are in TEAM, the stranger owns OTHER, the newcomer is nowhere."""

SHARED: Final = (
    "claude_code_sessions",
    "claude_code_agents",
    "file_locks",
    "task_progress",
    "tasks",
    "file_lock_waiters",
    "coordination_events",
    "file_indexes",
    "indexed_files",
    "plan_analyses",
    "plans",
)
"""Tables that every member of a workspace reads alike."""

COLUMN: Final = {
    "workspaces": "id",
    "workspace_members": "workspace_id",
    "workspace_invitations": "workspace_id",
    "agent_tokens": "workspace_id",
    **dict.fromkeys(SHARED, "workspace_id"),
}
"""Every table that policies open, with the column that names the workspace."""

HIDDEN: Final = {
    "workspace_invitations": ("digest",),
    "agent_tokens": ("digest",),
    "claude_code_agents": ("connection_url", "terminals"),
    "file_locks": ("request_id",),
    "file_lock_waiters": ("request_ids", "probe"),
    "coordination_schema_version": ("version_num",),
}
"""Columns that nobody reads but the service."""

_EVERYWHERE: Final = """
INSERT INTO workspaces (id, name, created_at) SELECT w, w, now() FROM unnest(ARRAY['team', 'other']) w;
INSERT INTO workspace_members (workspace_id, user_id, role, subject, joined_at) VALUES
    ('team', 'olga', 'owner', '00000000-0000-4000-8000-000000000001', now()),
    ('team', 'max', 'member', '00000000-0000-4000-8000-000000000002', now()),
    ('team', 'vera', 'viewer', '00000000-0000-4000-8000-000000000003', now()),
    ('other', 'max', 'owner', '00000000-0000-4000-8000-000000000004', now());
INSERT INTO workspace_invitations (workspace_id, id, digest, user_id, role, created_by, created_at, expires_at)
SELECT w.id, 'i', sha256(w.id::bytea), 'guest', 'member', 'olga', now(), now() + interval '1 day' FROM workspaces w;
INSERT INTO agent_tokens (workspace_id, id, digest, user_id, scopes, created_by, created_at)
SELECT m.workspace_id, 'of-' || m.user_id, sha256(m.subject::text::bytea), m.user_id, '{read}', m.user_id, now()
FROM workspace_members m;
INSERT INTO claude_code_sessions (workspace_id, id, name, user_id) SELECT w.id, 's', 'S', 'max' FROM workspaces w;
INSERT INTO claude_code_agents (workspace_id, session_id, id, name, connection_url)
SELECT w.id, 's', 'max/a', 'a', 'http://secret' FROM workspaces w;
INSERT INTO file_locks (workspace_id, session_id, agent_id, file_path, operation, expires_at)
SELECT w.id, 's', 'max/a', 'a.py', 'write', now() + interval '1 day' FROM workspaces w;
INSERT INTO task_progress (workspace_id, session_id, agent_id, task_id, status)
SELECT w.id, 's', 'max/a', 't', 'started' FROM workspaces w;
INSERT INTO tasks (workspace_id, session_id, id) SELECT w.id, 's', 't' FROM workspaces w;
INSERT INTO file_lock_waiters (workspace_id, session_id, agent_id, checkout, operation, paths, path_keys, probe,
                               range_low, range_high, queued_at, refreshed_at)
SELECT w.id, 's', 'max/a', '', 'write', '{}', '{}', '{}', '{}', '{}', now(), now() FROM workspaces w;
INSERT INTO coordination_events (workspace_id, session_id, seq, kind, payload, concerns, created_at)
SELECT w.id, 's', 1, 'lock.claimed', '{}', '{}', now() FROM workspaces w;
INSERT INTO file_indexes (workspace_id, session_id, checkout) SELECT w.id, 's', '' FROM workspaces w;
INSERT INTO indexed_files (workspace_id, session_id, checkout, refresh, path, digest, symbols, imports, partners,
                           weights)
SELECT w.id, 's', '', 1, 'a.py', '', '{}', '{}', '{}', '{}' FROM workspaces w;
INSERT INTO plan_analyses (workspace_id, session_id, id, agent_id, analysis, created_at)
SELECT w.id, 's', 'x', 'max/a', '{}', now() FROM workspaces w;
INSERT INTO plans (workspace_id, session_id, revision, analysis_id, agent_count, agent_id, created_at)
SELECT w.id, 's', 1, 'x', 2, 'max/a', now() FROM workspaces w;
"""


def expected(person: str, table: str) -> list[str]:
    """The workspaces of the rows that a person reads in a table, a row each."""
    if person == "newcomer":
        return []
    workspace = OTHER if person == "stranger" else TEAM
    owns = person in {"owner", "stranger"}
    rows = {
        "workspace_invitations": 1 if owns else 0,
        "agent_tokens": 3 if person == "owner" else 1,
    }
    return [workspace] * rows.get(table, 1)


async def fill(dsn: str) -> None:
    """Make both workspaces, as the role that owns the tables."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_EVERYWHERE)
    finally:
        await connection.close()


@asynccontextmanager
async def logged_in(dsn: str, person: str | None) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    """Connect as PostgREST does for a person; None is somebody who is not logged in."""
    connection = await asyncpg.connect(dsn)
    try:
        role = "anon" if person is None else "authenticated"
        claims = {"role": role} | ({"sub": PEOPLE[person]} if person else {})
        await connection.execute(f"SET ROLE {role}")
        await connection.execute("SELECT set_config('request.jwt.claims', $1, false)", json.dumps(claims))
        yield connection
    finally:
        await connection.close()


async def workspaces_seen(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> list[str]:
    """The workspaces of the rows of a table that this connection reads, a row each."""
    # Names are constants of this module.
    rows = await connection.fetch(f"SELECT {COLUMN[table]} AS workspace FROM {table}")  # noqa: S608 - see above
    return [row["workspace"] for row in rows]


async def refused(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> bool:
    """Whether a statement is refused for want of a right; nothing that it does stays."""
    undo = connection.transaction()
    await undo.start()
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    finally:
        await undo.rollback()
    return False


def writes(table: str) -> list[str]:
    """Ways to change a table."""
    column = COLUMN.get(table, "version_num")
    return [
        f"INSERT INTO {table} ({column}) VALUES ('team')",  # noqa: S608 - as below
        f"UPDATE {table} SET {column} = {column}",  # noqa: S608 - names are constants of this module
        f"DELETE FROM {table}",  # noqa: S608 - as above
        f"TRUNCATE {table}",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    ]
