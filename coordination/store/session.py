"""Statements on sessions as a whole: beginning, listing and configuring them."""

from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from coordination.domain.session import SessionSummary
from coordination.store.database import Database

CONFIGURE: Final = "SELECT coordination_configure_session($1, $2, $3, $4, $5)"
BEGIN: Final = "SELECT to_jsonb(coordination_begin_session($1, $2, $3))"
LIST: Final = """
    SELECT s.id, s.name, s.description, s.user_id AS user, s.status, s.across_checkouts, s.created_at,
           (SELECT count(*) FROM claude_code_agents a
            WHERE a.workspace_id = s.workspace_id AND a.session_id = s.id) AS agents,
           (SELECT count(*) FROM file_locks l
            WHERE l.workspace_id = s.workspace_id AND l.session_id = s.id
              AND l.expires_at > clock_timestamp()) AS locks,
           (SELECT max(a.last_activity) FROM claude_code_agents a
            WHERE a.workspace_id = s.workspace_id AND a.session_id = s.id) AS last_activity
    FROM claude_code_sessions s
    WHERE s.workspace_id = $1 AND ($2::text IS NULL OR s.id > $2) AND ($4::text IS NULL OR s.id = $4)
    ORDER BY s.id LIMIT $3
"""

_SUMMARIES: Final = TypeAdapter(list[SessionSummary])


async def begin(database: Database, workspace: str, session: str, by: str) -> bool:
    """Begin a session as a person's act; returns whether it was not there."""
    return orjson.loads(await database.decide(BEGIN, workspace, session, by))


async def configure(
    database: Database,
    workspace: str,
    session: str,
    by: str,
    *,
    status: str | None,
    across_checkouts: str | None,
) -> dict[str, Any]:
    """Close, open or configure a session. Raises SettingRefused (overlaps exist) or UnknownItem."""
    answer = await database.fetch_json(CONFIGURE, workspace, session, by, status, across_checkouts)
    return orjson.loads(answer)


async def page(
    database: Database, workspace: str, after: str | None, limit: int, only: str | None = None
) -> list[SessionSummary]:
    """Read at most `limit` sessions of a workspace whose id follows `after`, by id; or only one of them."""
    rows = await database.fetch(LIST, workspace, after, limit, only)
    return _SUMMARIES.validate_python([dict(row) for row in rows])
