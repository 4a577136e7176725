"""What is done at each hook of a terminal, and what is answered.

A hook is answered within its deadline or not at all; then the hook program answers by itself. What needs longer goes on
behind it. Which hooks there are, and when they come, is in docs/reference/plugin.md.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import orjson

from coordination.client.errors import ClientError
from coordination.client.service import ServiceClient
from coordination.daemon import words
from coordination.daemon.answer import NOTHING, Answer
from coordination.daemon.connection import LinkState, ServiceAway
from coordination.daemon.edit_gate import EditGate
from coordination.daemon.hook_call import HookCall, Reply
from coordination.daemon.hook_event import HookEvent, read
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.membership import Membership
from coordination.daemon.notices import Notice, Notices
from coordination.daemon.terminals import Terminal, Terminals
from coordination.repository.checkout import find_top_level

BRIEF_SECONDS: Final = 1.2
HEADERS: Final = "headers"
_PLANS: Final = re.compile(r"/coord:plan(\s|$)")
_OURS: Final = "mcp__plugin_coord_coordination__"
_MOST_CALLS: Final = 200

_Step = Callable[[Terminal, HookEvent], Awaitable[Answer]]


class Hooks:
    """Answers the hook program.

    Args:
        link: the service.
        terminals: who works here.
        membership: who comes and goes.
        gate: what decides on edits.
        notices: what agents are to be told.
        headers: what the MCP connection of a terminal sends with each request.
    """

    def __init__(
        self,
        link: Link,
        terminals: Terminals,
        membership: Membership,
        gate: EditGate,
        notices: Notices,
        headers: Callable[[Terminal], Mapping[str, str]],
    ) -> None:
        self._link = link
        self._terminals = terminals
        self._membership = membership
        self._gate = gate
        self._notices = notices
        self._headers = headers
        self._steps: Mapping[str, _Step] = {
            "SessionStart": self._session_start,
            "UserPromptSubmit": self._prompt,
            "PreToolUse": self._before_tool,
            "PostToolUse": self._after_tool,
            "PostToolUseFailure": self._after_failure,
            "Stop": self._stop,
            "SubagentStart": self._subagent_start,
            "SubagentStop": self._subagent_stop,
            "SessionEnd": self._session_end,
        }

    async def answer(self, call: HookCall) -> Reply:
        """Do what a hook asks for, and return what it prints."""
        terminal = await self._membership.terminal_of(call)
        if terminal is None:
            # Nobody whom a process tree tells apart: somebody tried the program by hand.
            return Reply(NOTHING)
        if call.event == HEADERS:
            return Reply(orjson.dumps(dict(self._headers(terminal))))
        event = read(call.event, call.body)
        self._learn(terminal, event)
        step = self._steps.get(event.name)
        answer = Answer() if step is None else await step(terminal, event)
        return self._with_notices(terminal, event, answer)

    # --- the hooks ------------------------------------------------------------------------------------------------

    async def _session_start(self, terminal: Terminal, event: HookEvent) -> Answer:
        terminal.working.discard(None)
        try:
            async with asyncio.timeout(BRIEF_SECONDS):
                agent = await self._agent(terminal, event)
                return Answer(context=await self._brief(agent))
        except (TimeoutError, ServiceAway) as away:
            if self._link.state is LinkState.STARTING:
                return Answer(context=words.starting(), person=words.starting())
            said = words.unprotected(str(away) or "The service did not answer in time.")
        except ClientError as refusal:
            said = words.unprotected(refusal.message)
        return Answer(context=said, person=said)

    async def _prompt(self, terminal: Terminal, event: HookEvent) -> Answer:
        terminal.working.add(None)
        self._gate.idle(terminal, None)
        return await self._plan(terminal, event) if _PLANS.match(event.prompt) else Answer()

    async def _plan(self, terminal: Terminal, event: HookEvent) -> Answer:
        """Let the terminal have the planner's role, because the person asks for it by our command."""
        try:
            agent = await self._agent(terminal, event)

            def take(client: ServiceClient) -> None:
                client.take_planner(agent.session, agent.user, agent.id)

            await self._link.call(take, seconds=BRIEF_SECONDS)
        except (ServiceAway, ClientError) as error:
            said = words.not_planner(str(error))
            return Answer(context=said, person=said)
        return Answer(context=words.role(agent.id, agent.id))

    async def _before_tool(self, terminal: Terminal, event: HookEvent) -> Answer:
        terminal.working.add(event.subagent)
        if event.edits:
            return await self._gate.before(terminal, event)
        if event.reads:
            await self._gate.before_read(terminal, event)
        elif event.tool.startswith(_OURS) and event.subagent is not None:
            await self._agent(terminal, event)
            terminal.calls[event.tool_use_id] = event.subagent
            while len(terminal.calls) > _MOST_CALLS:
                del terminal.calls[next(iter(terminal.calls))]
        return Answer()

    async def _after_tool(self, terminal: Terminal, event: HookEvent) -> Answer:
        if event.edits:
            await self._gate.after(terminal, event)
        elif event.reads:
            await self._gate.after_read(terminal, event)
        return Answer()

    async def _after_failure(self, terminal: Terminal, event: HookEvent) -> Answer:
        self._gate.idle(terminal, event.subagent)
        return Answer()

    async def _stop(self, terminal: Terminal, _event: HookEvent) -> Answer:
        terminal.working.discard(None)
        self._gate.idle(terminal, None)
        return Answer()

    async def _subagent_start(self, terminal: Terminal, event: HookEvent) -> Answer:
        if event.subagent is not None:
            terminal.subagents[event.subagent] = event.subagent_type
            terminal.working.add(event.subagent)
        return Answer()

    async def _subagent_stop(self, terminal: Terminal, event: HookEvent) -> Answer:
        if event.subagent is not None:
            terminal.working.discard(event.subagent)
            self._gate.idle(terminal, event.subagent)
            await self._membership.subagent_ended(terminal, event.subagent)
        return Answer()

    async def _session_end(self, terminal: Terminal, event: HookEvent) -> Answer:
        # After `/clear` the same process goes on with another conversation.
        if event.source != "clear":
            await self._membership.left(terminal)
        return Answer()

    # --- what they share ------------------------------------------------------------------------------------------

    def _learn(self, terminal: Terminal, event: HookEvent) -> None:
        if event.claude_session:
            self._membership.learn(terminal, event.claude_session)
        if event.subagent is not None and event.subagent_type:
            terminal.subagents.setdefault(event.subagent, event.subagent_type)

    async def _agent(self, terminal: Terminal, event: HookEvent) -> LocalAgent:
        folder = Path(event.folder or "/")
        top = await asyncio.to_thread(find_top_level, folder) or folder
        return await self._terminals.agent(terminal, top, event.subagent)

    async def _brief(self, agent: LocalAgent) -> str:
        def look(client: ServiceClient) -> str:
            return words.brief(agent.id, client.status(agent.session))

        return await self._link.call(look, seconds=BRIEF_SECONDS)

    def _with_notices(self, terminal: Terminal, event: HookEvent, answer: Answer) -> Reply:
        if event.name not in _TELLING or answer.deny:
            return Reply(answer.written(event.name))
        due = [
            (agent, self._notices.due(agent))
            for agent in terminal.agents.values()
            if agent.subagent == event.subagent
        ]
        texts = [notice.text for _, notices in due for notice in notices]
        whole = Answer(
            context="\n".join([*([answer.context] if answer.context else []), *texts]), person=answer.person
        )

        def delivered() -> None:
            self._told(due)

        return Reply(whole.written(event.name), delivered if texts else None)

    def _told(self, due: list[tuple[LocalAgent, tuple[Notice, ...]]]) -> None:
        for agent, notices in due:
            self._notices.told(agent, notices)


_TELLING: Final = frozenset(
    {"SessionStart", "UserPromptSubmit", "PostToolUse", "PostToolUseFailure", "Stop", "SubagentStop"}
)
