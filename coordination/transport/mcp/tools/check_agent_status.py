"""The tool `check_agent_status`: who is here, doing what, holding or waiting for what."""

from typing import ClassVar, Final

from pydantic import PrivateAttr

from coordination.domain.agent import Agent
from coordination.domain.errors import UnknownItem
from coordination.domain.identity import Identity
from coordination.domain.session import SessionStatus
from coordination.domain.text import clean, shown
from coordination.services import agent as service
from coordination.services.core import Core
from coordination.transport.exchange import Exchange
from coordination.transport.mcp.tool import Answer, CoordinationTool, ToolCard
from coordination.transport.mcp.tools.answer import (
    agent_answer,
    conflict_lines,
    require_agent,
    shared_name_warning,
    size,
)
from coordination.wire.agent import AgentAnswer, CheckAgentStatusAnswer, CheckAgentStatusArguments

PAGE_AGENTS: Final = 20
ANSWER_BYTES: Final = 3_950
"""An answer stays under 4 KB with its text and frame; agents that do not fit come on the next page."""
CURSOR_BYTES: Final = 400
"""Room for the cursor, and for the call that follows it."""


class CheckAgentStatus(CoordinationTool[CheckAgentStatusArguments]):
    """See who is here."""

    card: ClassVar[ToolCard[CheckAgentStatusArguments]] = ToolCard(
        name="check_agent_status",
        title="Check agent status",
        description="Who is here, doing what, holding or waiting for what.",
        arguments=CheckAgentStatusArguments,
        answer=CheckAgentStatusAnswer,
        details=frozenset({"include_inactive", "cursor"}),
        read_only=True,
        idempotent=True,
    )
    _core: Core = PrivateAttr()

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core

    async def call(
        self, identity: Identity, arguments: CheckAgentStatusArguments, exchange: Exchange
    ) -> Answer:
        """Join on the first call, so that the caller sees itself, then read one page."""
        agent = require_agent(identity)
        arguments = arguments.model_copy(
            update={"agent": clean(arguments.agent, 130), "cursor": clean(arguments.cursor, 130)}
        )
        await service.join(self._core, agent)
        status = await service.read_status(
            self._core,
            agent.workspace,
            agent.session,
            agent=arguments.agent or None,
            include_inactive=arguments.include_inactive,
            after=arguments.cursor or None,
            limit=PAGE_AGENTS,
        )
        if arguments.agent and not status.agents:
            raise UnknownItem(
                f'agent: there is no agent "{shown(arguments.agent)}" in session {agent.session}.',
                next_call="check_agent_status(include_inactive=true)",
            )
        return _answer(agent, arguments, status, shared_name_warning(self._core, agent))


def _answer(
    caller: Agent, arguments: CheckAgentStatusArguments, status: SessionStatus, warnings: list[str]
) -> Answer:
    conflicts = conflict_lines(status)
    frame = CheckAgentStatusAnswer(
        session=status.session,
        conflicts=conflicts,
        totals=status.totals,
        warnings=warnings or None,
        next_cursor=status.next_cursor,
    )
    lines = [*(f"Waits: {conflict}" for conflict in conflicts[:2]), *warnings]
    room = ANSWER_BYTES - size(frame) - len("\n".join(lines).encode()) - len(status.session) - 100
    agents = [agent_answer(caller, found) for found in status.agents]
    if status.next_cursor or sum(size(agent) + 1 for agent in agents) > room:
        agents = _fitting(agents, room - CURSOR_BYTES)
    complete = len(agents) == len(status.agents)
    cursor = status.next_cursor if complete else agents[-1].agent
    answer = frame.model_copy(
        update={
            "agents": agents,
            "next_cursor": cursor,
            "next_call": _following(arguments, cursor),
        }
    )
    active = sum(found.presence == "active" for found in agents)
    totals = status.totals
    text = [
        f"{active} of {len(agents)} agent(s) on this page active; {totals['locks']} lock(s),"
        f" {totals['waiting']} waiting in session {status.session}.",
        *lines,
    ]
    return Answer(answer, "\n".join(text))


def _following(arguments: CheckAgentStatusArguments, cursor: str | None) -> str | None:
    """The call for the next page; without the same choice of agents it would leave some out."""
    if cursor is None:
        return None
    chosen = "include_inactive=true, " if arguments.include_inactive else ""
    chosen += f'agent="{arguments.agent}", ' if arguments.agent else ""
    return f'check_agent_status({chosen}cursor="{cursor}")'


def _fitting(agents: list[AgentAnswer], room: int) -> list[AgentAnswer]:
    """Return as many agents as fit into `room` bytes, at least one."""
    fitting: list[AgentAnswer] = []
    for agent in agents:
        room -= size(agent) + 1
        if room < 0 and fitting:
            break
        fitting.append(agent)
    return fitting
