"""The deployment guide's SQL, word for word, and databases in which it ran.

`guide/create.sql`, `verification.sql`, `insert.sql` and `rollback.sql` are what existing users execute: they are the
guide's and change only with it. `adopted_rows.sql` is what such a database may hold.
"""

from pathlib import Path
from typing import Any

import asyncpg

GUIDE = Path(__file__).parent / "guide"
TABLES = ("claude_code_sessions", "claude_code_agents", "file_locks", "task_progress")
INDEXES = {
    "idx_claude_code_agents_session_id",
    "idx_file_locks_session_id",
    "idx_file_locks_expires_at",
    "idx_task_progress_session_id",
    "idx_task_progress_updated_at",
}

Rows = dict[str, list[dict[str, Any]]]


def guide_sql(name: str) -> str:
    """The text of one of the guide's blocks, or of the rows."""
    return (GUIDE / f"{name}.sql").read_text(encoding="utf-8")


def statements(name: str) -> list[str]:
    """The statements of a block one by one, as they are written."""
    return [part + ";" for part in guide_sql(name).split(";") if part.strip()]


async def run(dsn: str, *scripts: str) -> None:
    """Run whole scripts as an SQL editor does, each at once."""
    connection = await asyncpg.connect(dsn)
    try:
        for text in scripts:
            await connection.execute(text)
    finally:
        await connection.close()


async def fetch(dsn: str, query: str, *arguments: object) -> list[Any]:
    """The rows of one query."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(query, *arguments)
    finally:
        await connection.close()


async def guide_rows(dsn: str) -> Rows:
    """Every row of the four tables by its id, the guide's columns alone."""
    columns = {
        "claude_code_sessions": "id, name, description, user_id, status, created_at",
        "claude_code_agents": "id, session_id, name, connection_url, status, last_activity, created_at",
        "file_locks": "id, session_id, agent_id, file_path, operation, expires_at, created_at",
        "task_progress": "id, session_id, agent_id, task_id, status, progress_percentage, message, "
        "affected_files::text, created_at, updated_at",
    }
    found: Rows = {}
    for table, names in columns.items():
        # Constants of this module, no input.
        rows = await fetch(dsn, f"SELECT {names} FROM {table} ORDER BY id")  # noqa: S608 - see above
        found[table] = [dict(row) for row in rows]
    return found
