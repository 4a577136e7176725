"""Statements on agents: who calls (for the functions that create agents on first use), presence, and status."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from coordination.domain.agent import Agent, WhyLeft, presence
from coordination.domain.session import AgentStatus, AgentSummary, Departure, SessionStatus
from coordination.store.database import Database

ENTER: Final = """
    SELECT to_jsonb(e) FROM coordination_enter_session($1, $2, $3, $4, $5::jsonb) e
"""
JOIN_IF_FREE: Final = "SELECT to_jsonb(coordination_join_if_free($1, $2, $3, $4, $5::jsonb, $6))"
LEAVE: Final = "SELECT coordination_leave_session($1, $2, $3, $4, $5)"
TOUCH: Final = "SELECT workspace, session, agent, terminals::text FROM coordination_touch_agents($1::jsonb)"
STATUS: Final = "SELECT coordination_session_status($1, $2, $3, $4, $5, $6)"

# From the cursor on and without it: as a range, so that the key's index is entered there by any plan.
PAGE: Final = """
    SELECT a.id AS agent_id, a.name, a.user_id AS user, a.role, a.client, a.status = 'connected' AS connected,
           extract(epoch FROM clock_timestamp() - a.last_activity)::float8 AS quiet_seconds,
           a.checkout, a.checkout_root, a.created_at AS joined_at,
           (SELECT count(*) FROM file_locks l
            WHERE l.workspace_id = a.workspace_id AND l.session_id = a.session_id AND l.agent_id = a.id
              AND l.expires_at > clock_timestamp()) AS lock_count
    FROM claude_code_agents a
    WHERE a.workspace_id = $1 AND a.session_id = $2
      AND a.id >= coalesce($3::text, '') AND a.id IS DISTINCT FROM $3::text
    ORDER BY a.id LIMIT $4
"""

DEPARTURE: Final = TypeAdapter(Departure)
AGENT_STATUS: Final = TypeAdapter(AgentStatus)
SESSION_STATUS: Final = TypeAdapter(SessionStatus)


@dataclass(frozen=True, slots=True)
class Sighting:
    """That an agent was heard of, `seconds_ago` before now, and whether it listed or called the tools."""

    agent: Agent
    seconds_ago: float
    listed: bool
    called: bool


def caller(agent: Agent, *, goes_on: bool = False) -> tuple[str, str, str, str, str]:
    """The first five arguments of every function that acts for an agent.

    What `goes_on` since an earlier statement does not bring an agent back that has left meanwhile.
    """
    description = {
        "user": agent.user,
        "name": agent.name,
        "role": agent.role,
        "client": agent.client,
        "checkout_root": agent.checkout_root or None,
        **({"goes_on": True} if goes_on else {}),
    }
    return agent.workspace, agent.session, agent.id, agent.checkout, orjson.dumps(description).decode()


async def enter(database: Database, agent: Agent) -> None:
    """Create session and agent when they are missing. Raises CheckoutTaken."""
    await database.fetch_json(ENTER, *caller(agent))


async def join_if_free(database: Database, agent: Agent) -> None:
    """Create session and agent when they are missing, and no other live terminal has the name.

    Raises NameTaken, CheckoutTaken.
    """
    await database.fetch_json(JOIN_IF_FREE, *caller(agent), agent.place or "")


async def leave(database: Database, agent: Agent, why: WhyLeft) -> Departure:
    """Release what an agent holds and waits for, and let it be there no more."""
    answer = await database.fetch_json(LEAVE, agent.workspace, agent.session, agent.id, agent.terminal, why)
    return DEPARTURE.validate_json(answer)


async def touch(
    database: Database, sightings: Iterable[Sighting]
) -> dict[tuple[str, str, str], dict[str, float]]:
    """Write presence for several agents at once.

    Returns:
        For each agent that exists, by (workspace, session, agent id): the places (`Agent.place`) that used its
        name within two minutes, with the database's time of the last use in seconds.
    """
    batch = [
        {
            "workspace": seen.agent.workspace,
            "session": seen.agent.session,
            "agent": seen.agent.id,
            "seen_seconds_ago": seen.seconds_ago,
            "listed": seen.listed,
            "called": seen.called,
            "terminal": seen.agent.place,
        }
        for seen in sightings
    ]
    rows = await database.fetch(TOUCH, orjson.dumps(batch).decode())
    return {(row["workspace"], row["session"], row["agent"]): orjson.loads(row["terminals"]) for row in rows}


async def status(
    database: Database,
    workspace: str,
    session: str,
    *,
    agent: str | None,
    include_inactive: bool,
    after: str | None,
    limit: int,
) -> dict[str, Any] | None:
    """Read one page of a session's status, `limit` + 1 agents at most; None when there is no such session."""
    answer = await database.fetch_json(STATUS, workspace, session, agent, include_inactive, after, limit)
    return orjson.loads(answer)


async def page(
    database: Database, workspace: str, session: str, after: str | None, limit: int
) -> list[AgentSummary]:
    """Read at most `limit` agents of a session whose id follows `after`, by id."""
    rows = await database.fetch(PAGE, workspace, session, after, limit)
    return [_summary(**dict(row)) for row in rows]


# Any: the columns of `PAGE`.
def _summary(*, connected: bool, quiet_seconds: float, **columns: Any) -> AgentSummary:
    here = presence(quiet_seconds, connected=connected)
    return AgentSummary(presence=here, quiet_seconds=quiet_seconds, **columns)
