"""Use cases on agents: being here, and seeing who else is."""

from typing import Any, Final

from coordination.domain.agent import Agent, presence
from coordination.domain.errors import UnknownItem
from coordination.domain.session import AgentStatus, SessionStatus
from coordination.services.core import Core
from coordination.store import agent as store

MOST_AGENTS: Final = 20


async def join(core: Core, agent: Agent) -> None:
    """Create session and agent when this is their first call.

    Raises:
        CheckoutTaken: the caller's checkout belongs to another session.
        RetryLater: the database cannot answer now.
    """
    await store.enter(core.database, agent)


async def read_status(
    core: Core,
    workspace: str,
    session: str,
    *,
    agent: str | None = None,
    include_inactive: bool = False,
    after: str | None = None,
    limit: int = MOST_AGENTS,
) -> SessionStatus:
    """Read one page of who is here, doing what, holding or waiting for what.

    Args:
        core: the shared parts.
        workspace: the session's workspace.
        session: the session's id.
        agent: an agent's id or name, to see only it.
        include_inactive: also agents that were not heard of for ten minutes and hold nothing.
        after: `next_cursor` of the page before.
        limit: most agents on the page.

    Raises:
        UnknownItem: there is no such session in this workspace.
        RetryLater: the database cannot answer now; that is not the same as "nobody is here".
    """
    read = await store.status(
        core.database,
        workspace,
        session,
        agent=agent,
        include_inactive=include_inactive,
        after=after,
        limit=limit,
    )
    if read is None:
        raise UnknownItem("There is no such session.", next_call="coord sessions")
    agents = [_described(found) for found in read.pop("agents")]
    more = len(agents) > limit
    return store.SESSION_STATUS.validate_python(
        {**read, "agents": agents[:limit], "next_cursor": agents[limit - 1].agent_id if more else None}
    )


def _described(found: dict[str, Any]) -> AgentStatus:
    here = presence(found["quiet_seconds"], connected=found.pop("status") == "connected")
    found["terminals"] = len(found["terminals"])
    return store.AGENT_STATUS.validate_python({**found, "presence": here})
