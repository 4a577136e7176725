"""The resource `coordination://session`: who is here, doing what, holding or waiting for what."""

from collections.abc import Mapping
from typing import Final

from coordination.domain.agent import Agent
from coordination.services import agent as agents
from coordination.services.core import Core
from coordination.transport.mcp.resource import AFTER, ResourceCard, as_json
from coordination.transport.mcp.tools.answer import agent_answer, conflict_lines
from coordination.wire.resource import SESSION, SessionContent, following

PAGE_AGENTS: Final = 20


async def read_session(core: Core, agent: Agent, said: Mapping[str, str]) -> str:
    """Read a page of the agents; the caller joins, so that it sees itself."""
    await agents.join(core, agent)
    found = await agents.read_status(
        core, agent.workspace, agent.session, after=said.get(AFTER), limit=PAGE_AGENTS
    )
    return as_json(
        SessionContent(
            session=found.session,
            status=found.status,
            across_checkouts=found.across_checkouts,
            agents=[agent_answer(agent, one) for one in found.agents],
            conflicts=conflict_lines(found),
            totals=found.totals,
            next=None if found.next_cursor is None else following(SESSION, found.next_cursor),
        )
    )


CARD: Final = ResourceCard(
    uri=f"{SESSION}{{?{AFTER}}}",
    name="session",
    title="Session",
    description="Who is here, doing what, holding or waiting for what.",
    read=read_session,
)
