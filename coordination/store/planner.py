"""Statements on the planner's role: take it, give it back, read which role an agent has."""

from typing import Final

from pydantic import TypeAdapter

from coordination.domain.identity import Role
from coordination.domain.planner import HeldRole
from coordination.store.database import Database

TAKE: Final = "SELECT coordination_take_planner_role($1, $2, $3, $4)"
GIVE_BACK: Final = "SELECT coordination_give_planner_role_back($1, $2, $3, $4)"
ROLE: Final = """
    SELECT a.role FROM claude_code_agents a WHERE a.workspace_id = $1 AND a.session_id = $2 AND a.id = $3
"""

_HELD: Final = TypeAdapter(HeldRole | None)


async def take(database: Database, workspace: str, session: str, by: str, agent_id: str) -> HeldRole | None:
    """Let an agent have the role when it is free; None when there is no such agent. Raises RoleTaken."""
    return _HELD.validate_json(await database.fetch_json(TAKE, workspace, session, by, agent_id))


async def give_back(
    database: Database, workspace: str, session: str, by: str, agent_id: str
) -> HeldRole | None:
    """Make an agent that had taken the role an implementer again; None when there is no such agent."""
    return _HELD.validate_json(await database.fetch_json(GIVE_BACK, workspace, session, by, agent_id))


async def read_role(database: Database, workspace: str, session: str, agent_id: str) -> Role | None:
    """Read the role of an agent; None when there is no such agent (yet)."""
    rows = await database.fetch(ROLE, workspace, session, agent_id)
    return rows[0]["role"] if rows else None
