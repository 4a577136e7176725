"""Use cases on agents: being here, and seeing who else is."""

from datetime import datetime
from typing import Any, Final

from coordination.domain.agent import ACTIVE_SECONDS, Agent, WhyLeft, presence
from coordination.domain.errors import UnknownItem
from coordination.domain.session import AgentStatus, AgentSummary, Departure, SessionStatus
from coordination.services.claim_count import count_holds
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


async def heartbeat(core: Core, agent: Agent, *, only_if_free: bool = False) -> AgentStatus:
    """Join, or say that one is still there; returns what the session knows of the agent then.

    It extends no lease. That the agent was heard of is written before this returns.

    Args:
        core: the shared parts.
        agent: who is there; with its terminal when the name must be free.
        only_if_free: join only if no other live terminal has the name. Of two that ask at once one is refused.

    Raises:
        NameTaken: another terminal, or the same one in another checkout, was heard of under the name.
        CheckoutTaken: the caller's checkout belongs to another session.
        RetryLater: the database cannot answer now.
    """
    if only_if_free:
        # The terminal may have acted under this name a moment ago, and then it is its own.
        await core.presence.flush()
        await store.join_if_free(core.database, agent)
    else:
        await join(core, agent)
    core.presence.heard(agent, called=False)
    await core.presence.flush()
    return await read_agent(core, agent.workspace, agent.session, agent.id)


async def leave(core: Core, agent: Agent, why: WhyLeft) -> Departure:
    """Let an agent be there no more: its leases are released, its places in the queue given up, its name is free.

    Its task stays its own until somebody else takes it, which is free to do so from now on. Where another terminal uses
    the name, nothing is released. Leaving again, or as nobody who was there, changes nothing.

    Raises:
        RetryLater: the database cannot answer now.
    """
    departure = await store.leave(core.database, agent, why)
    if departure.left:
        core.presence.left(agent)
    count_holds(core.metrics, departure.released, "released")
    if departure.left or departure.released:
        core.feed.announce(agent.workspace, agent.session, freed=True)
    return departure


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
    now = datetime.fromisoformat(read["now"]).timestamp()
    agents = [_described(found, now) for found in read.pop("agents")]
    more = len(agents) > limit
    return store.SESSION_STATUS.validate_python(
        {**read, "agents": agents[:limit], "next_cursor": agents[limit - 1].agent_id if more else None}
    )


async def list_agents(
    core: Core, workspace: str, session: str, after: str | None, limit: int
) -> list[AgentSummary]:
    """Read at most `limit` agents of a session, present or not, by id, following the id `after`.

    Raises:
        RetryLater: the database cannot answer now. Of an unknown session there are no agents.
    """
    return await store.page(core.database, workspace, session, after, limit)


async def read_agent(core: Core, workspace: str, session: str, agent_id: str) -> AgentStatus:
    """Read one agent by its id: what it does, holds and waits for.

    Raises:
        UnknownItem: there is no such session in this workspace, or no such agent in it.
        RetryLater: the database cannot answer now.
    """
    status = await read_status(core, workspace, session, agent=agent_id)
    for found in status.agents:
        if found.agent_id == agent_id:
            return found
    raise UnknownItem("There is no such agent in this session.", next_call="coord status --all")


def _described(found: dict[str, Any], now: float) -> AgentStatus:
    """Make an agent of what was read; `now` is the database's time in seconds, as stands beside each terminal."""
    here = presence(found["quiet_seconds"], connected=found.pop("status") == "connected")
    # What is no longer used is taken off only when presence is written, and of a quiet agent none is.
    found["terminals"] = sum(now - at <= ACTIVE_SECONDS for at in found["terminals"].values())
    return store.AGENT_STATUS.validate_python({**found, "presence": here})
