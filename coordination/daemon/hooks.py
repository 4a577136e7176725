"""What is done at each hook of a terminal, and what is answered.

A hook is answered within its deadline or not at all; then the hook program answers by itself. What needs longer goes on
behind it. Which hooks there are, and when they come, is in docs/reference/plugin.md.

News counts as told when the hook program has printed it. Several hooks of a terminal come at once, so what one is about
to print no other one says, for as long as its receipt may take; after that it is said again.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from coordination.client.errors import ClientError
from coordination.client.service import ServiceClient
from coordination.daemon import turn, words
from coordination.daemon.answer import NOTHING, Answer
from coordination.daemon.connection import LinkState, ServiceAway
from coordination.daemon.edit_gate import EditGate
from coordination.daemon.frames import BadFrame
from coordination.daemon.hook_call import HookCall, Reply
from coordination.daemon.hook_event import HookEvent, read
from coordination.daemon.hook_socket import SECONDS
from coordination.daemon.journal import Record, nowhere
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.membership import HEADERS, Membership
from coordination.daemon.notices import Notice, Notices
from coordination.daemon.terminals import Terminal, Terminals
from coordination.repository.checkout import find_top_level

BRIEF_SECONDS: Final = 1.2
_PLANS: Final = re.compile(r"/coord:plan(\s|$)")
_OURS: Final = "mcp__plugin_coord_coordination__"
_MOST_CALLS: Final = 200
_COMPACTED: Final = "compact"
"""Why a conversation begins that goes on in the middle of a turn."""
_GOES_ON: Final = frozenset({"clear", "resume"})
"""Why a conversation ends while its process goes on, with another one."""

_Step = Callable[[Terminal, HookEvent], Awaitable[Answer]]


class Hooks:
    """Answers the hook program.

    Args:
        link: the service.
        terminals: who works here.
        membership: who comes and goes.
        gate: what decides on edits.
        notices: what agents are to be told.
        headers: what the MCP connection of a terminal sends with each request; nothing while it would go elsewhere.
        has_port: whether the daemon has its port, or may have it in a moment; without it there are no tools.
        met: is told of each terminal that does something.
        record: takes note of an event of this machine, `noun.past_verb`, with its facts.
    """

    def __init__(
        self,
        link: Link,
        terminals: Terminals,
        membership: Membership,
        gate: EditGate,
        notices: Notices,
        headers: Callable[[Terminal], Awaitable[Mapping[str, str]]],
        has_port: Callable[[], bool],
        met: Callable[[Terminal], None] = lambda _: None,
        record: Record = nowhere,
    ) -> None:
        self._link = link
        self._terminals = terminals
        self._membership = membership
        self._gate = gate
        self._notices = notices
        self._headers = headers
        self._has_port = has_port
        self._met = met
        self._record = record
        self._telling: dict[int, float] = {}
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
            return Reply(orjson.dumps(dict(await self._headers(terminal))))
        if call.unparsed:  # It may be about an edit. The hook says itself then that nobody could be asked.
            raise BadFrame("a hook whose input is no JSON object")
        event = read(call.event, call.body)
        self._learn(terminal, event)
        self._met(terminal)
        step = self._steps.get(event.name)
        answer = Answer() if step is None else await step(terminal, event)
        return self._with_notices(terminal, event, answer)

    # --- the hooks ------------------------------------------------------------------------------------------------

    async def _session_start(self, terminal: Terminal, event: HookEvent) -> Answer:
        if event.source != _COMPACTED:
            terminal.working.discard(None)
        answer = await self._welcome(terminal, event)
        if self._has_port():
            return answer
        said = words.no_tools()
        return Answer(context="\n".join(filter(None, (answer.context, said))), person=answer.person or said)

    async def _welcome(self, terminal: Terminal, event: HookEvent) -> Answer:
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
        turn.begin(terminal)
        self._gate.idle(terminal, None)
        return await self._plan(terminal, event) if _PLANS.match(event.prompt) else Answer()

    async def _plan(self, terminal: Terminal, event: HookEvent) -> Answer:
        """Let the terminal have the planner's role, because the person asks for it by our command."""
        try:
            async with asyncio.timeout(BRIEF_SECONDS):
                agent = await self._agent(terminal, event)
                taken = await self._link.call(lambda client: _take_role(client, agent), seconds=BRIEF_SECONDS)
        except (TimeoutError, ServiceAway, ClientError) as error:
            said = words.not_planner(str(error) or "The service did not answer in time.")
            return Answer(context=said, person=said)
        said = words.role(agent.id, agent.id)
        if taken:
            # Of which an event tells, too.
            self._notices.said(agent, said)
        return Answer(context=said)

    async def _before_tool(self, terminal: Terminal, event: HookEvent) -> Answer:
        terminal.working.add(event.subagent)
        if event.edits:
            answer = await self._gate.before(terminal, event)
            self._note_edit(terminal, event, answer)
            return answer
        if event.reads:
            await self._gate.before_read(terminal, event)
        elif event.tool.startswith(_OURS) and event.subagent is not None:
            await self._announce(terminal, event, event.subagent)
        return Answer()

    async def _announce(self, terminal: Terminal, event: HookEvent, subagent: str) -> None:
        """Note whose a call is before anything can fail: without that it would be taken for the terminal's own."""
        terminal.calls[event.tool_use_id] = subagent
        while len(terminal.calls) > _MOST_CALLS:
            del terminal.calls[next(iter(terminal.calls))]
        # It joins where it works, which its call does not say; if it cannot now, the call says why.
        with suppress(TimeoutError, ServiceAway, ClientError):
            async with asyncio.timeout(BRIEF_SECONDS):
                await self._agent(terminal, event)

    def _note_edit(self, terminal: Terminal, event: HookEvent, answer: Answer) -> None:
        kind = "edit.refused" if answer.deny else "edit.unprotected" if answer.context else None
        if kind is not None:
            self._record(
                kind,
                terminal=str(terminal.key),
                subagent=event.subagent,
                path=event.path,
                why=answer.deny or answer.context,
            )

    async def _after_tool(self, terminal: Terminal, event: HookEvent) -> Answer:
        if event.edits:
            await self._gate.after(terminal, event)
        elif event.reads:
            await self._gate.after_read(terminal, event)
        return Answer()

    async def _after_failure(self, terminal: Terminal, event: HookEvent) -> Answer:
        if event.edits:
            # Of another tool that failed an edit beside it knows nothing.
            self._gate.idle(terminal, event.subagent)
        return Answer()

    async def _stop(self, terminal: Terminal, event: HookEvent) -> Answer:
        self._gate.idle(terminal, None)
        if self._due(terminal, event):
            # What is said now has it go on, once it was said.
            terminal.working.discard(None)
        else:
            self._membership.rests(terminal)
        return Answer()

    async def _subagent_start(self, terminal: Terminal, event: HookEvent) -> Answer:
        if event.subagent is not None:
            terminal.subagents[event.subagent] = event.subagent_type
            terminal.working.add(event.subagent)
        return Answer()

    async def _subagent_stop(self, terminal: Terminal, event: HookEvent) -> Answer:
        if event.subagent is not None:
            self._gate.idle(terminal, event.subagent)
            await self._membership.subagent_ended(terminal, event.subagent)
        return Answer()

    async def _session_end(self, terminal: Terminal, event: HookEvent) -> Answer:
        if event.source in _GOES_ON:
            self._membership.rests(terminal)
        else:
            await self._membership.left(terminal)
        return Answer()

    # --- what they share ------------------------------------------------------------------------------------------

    def _learn(self, terminal: Terminal, event: HookEvent) -> None:
        terminal.acted |= dict.fromkeys((None, event.subagent), asyncio.get_running_loop().time())
        if event.claude_session:
            begins = event.name == "SessionStart"
            self._membership.learn(terminal, event.claude_session, begins=begins)
        if event.subagent is not None and event.subagent_type:
            terminal.subagents.setdefault(event.subagent, event.subagent_type)

    async def _agent(self, terminal: Terminal, event: HookEvent) -> LocalAgent:
        folder = Path(event.folder or "/")
        top = await asyncio.to_thread(find_top_level, folder) or folder
        return await self._terminals.agent(terminal, top, event.subagent)

    async def _brief(self, agent: LocalAgent) -> str:
        def look(client: ServiceClient) -> str:
            acting = client.acting(
                agent.session, agent.id, checkout=agent.checkout, terminal=str(agent.terminal)
            )
            return words.brief(agent.id, client.status(agent.session), acting.sync())

        return await self._link.call(look, seconds=BRIEF_SECONDS)

    def _with_notices(self, terminal: Terminal, event: HookEvent, answer: Answer) -> Reply:
        due = [] if answer.deny else self._due(terminal, event)
        if not due:
            return Reply(answer.written(event.name))
        notices = [notice for _, some in due for notice in some]
        texts = [*([answer.context] if answer.context else []), *(notice.text for notice in notices)]
        whole = Answer(context="\n".join(texts), person=answer.person)
        until = asyncio.get_running_loop().time() + SECONDS
        self._telling |= {notice.number: until for notice in notices}

        def delivered() -> None:
            for agent, told in due:
                self._notices.told(agent, told)
            self._tell_no_more(notices)
            if event.name == _STOP:
                terminal.working.add(None)

        return Reply(whole.written(event.name), delivered)

    def _due(self, terminal: Terminal, event: HookEvent) -> list[tuple[LocalAgent, tuple[Notice, ...]]]:
        """Return what a hook is to tell: to whom it is of, and nothing that another hook is about to tell."""
        if event.name not in _TELLING:
            return []
        at = asyncio.get_running_loop().time()
        self._telling = {number: until for number, until in self._telling.items() if until > at}
        found: list[tuple[LocalAgent, tuple[Notice, ...]]] = []
        for agent in terminal.agents.values():
            if agent.subagent == event.subagent:
                due = tuple(one for one in self._notices.due(agent) if one.number not in self._telling)
                found += [(agent, due)] if due else []
        return found

    def _tell_no_more(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self._telling.pop(notice.number, None)


def _take_role(client: ServiceClient, agent: LocalAgent) -> bool:
    return client.take_planner(agent.session, agent.user, agent.id).changed


_STOP: Final = "Stop"
_TELLING: Final = frozenset({"SessionStart", "UserPromptSubmit", "PostToolUse", "PostToolUseFailure", _STOP})
"""What is said when a subagent stops would have it go on, though it is here no more."""
