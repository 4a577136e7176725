"""Routes on the agents of a session: say that one is there, leave, list them, and look at one."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from coordination.domain.errors import UnknownItem
from coordination.domain.session import AgentStatus, Departure
from coordination.services import agent as agents
from coordination.services.core import Core
from coordination.transport.rest.acting import JoinedSession, named_agent
from coordination.transport.rest.description import JOIN
from coordination.transport.rest.parameters import (
    AnySession,
    PageQuery,
    of_known_session,
    possible_name,
    require_session,
)
from coordination.wire.acting import Joining, Leaving
from coordination.wire.rest import AgentPage


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.post("/sessions/{session}/agents", summary="Join, or say that one is still there", responses=JOIN)
    async def join_session(session: JoinedSession, who: Joining) -> AgentStatus:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Say it every minute: after two without a sign an agent is no longer active. It extends no lease."""
        return await agents.heartbeat(core, named_agent(session, who), only_if_free=who.only_if_free)

    @router.delete("/sessions/{session}/agents", summary="Leave, and release all that one holds")
    async def leave_session(session: AnySession, who: Leaving) -> Departure:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Leaving again, and leaving where one never was, changes nothing. Whoever acts again joins again."""
        return await agents.leave(core, named_agent(session, who), who.why)

    @router.get("/sessions/{session}/agents", summary="List the agents by id")
    async def list_agents(session: AnySession, query: Annotated[PageQuery, Query()]) -> AgentPage:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """All agents that ever joined, whether they are still there or not."""
        found = await agents.list_agents(core, session.workspace, session.id, query.after, query.limit + 1)
        if not found:
            await require_session(core, session)
        page = found[: query.limit]
        return AgentPage(agents=page, next_cursor=page[-1].agent_id if len(found) > query.limit else None)

    @router.get("/sessions/{session}/agents/{agent_id:path}", summary="Look at one agent")
    async def read_agent(  # pyright: ignore[reportUnusedFunction]  the router keeps it
        session: AnySession,
        agent_id: Annotated[
            str,
            Path(
                description="The agent's id, `user/name`. The slash may stand as it is or as %2F.",
                examples=["alice/impl_a"],
            ),
        ],
    ) -> AgentStatus:
        """What it does, holds and waits for, as the status of the session shows it."""
        async with of_known_session(core, session, UnknownItem):
            return await agents.read_agent(core, session.workspace, session.id, possible_name(agent_id))
