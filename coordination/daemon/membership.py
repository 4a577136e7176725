"""Coming and going: which terminal a hook is of, and what becomes of agents whose terminal or subagent has ended.

A terminal is here as long as its process is; nobody takes quietness for death. When the process is gone, or said that
it ends, its agents leave: what they held is free at once. A subagent that ended leaves what it wrote to the terminal
that it worked for, because that work is not committed yet. An agent whose name another living terminal has too does not
leave: what the two hold cannot be told apart.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from coordination.client.errors import ClientError
from coordination.client.service import ServiceClient
from coordination.daemon.connection import ServiceAway
from coordination.daemon.hook_call import HookCall
from coordination.daemon.lease_table import LeaseTable
from coordination.daemon.link import Link
from coordination.daemon.liveness import Liveness
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.notices import Notices
from coordination.daemon.state import State
from coordination.daemon.terminal_home import home_of, settle
from coordination.daemon.terminals import NOBODY, Terminal, Terminals
from coordination.domain.agent import WhyLeft
from coordination.repository.terminal import SAME_START_SECONDS, is_alive, terminal_of

LEFT: Final[WhyLeft] = "left"
ENDED: Final[WhyLeft] = "ended"
HEADERS: Final = "headers"
"""For what the hook program is called by the helper of the MCP connection."""
HAND_BACK_SECONDS: Final = 1.0
"""How long a hook waits for what its end brings about; Claude Code ends SessionEnd after a second and a half."""
RESTORE_SECONDS: Final = 0.5
"""How long a hook waits, after a restart, until terminals that ended meanwhile have left their names."""
LOOK_SECONDS: Final = 5.0

_log: Final = structlog.stdlib.get_logger(__name__)


class Membership:
    """Knows when terminals come and go.

    Args:
        link: the service.
        state: what is known of before a restart.
        terminals: who works here.
        leases: what they hold.
        notices: what they are to be told.
        liveness: tells when a process is gone.
        left: is told of each agent that left, and why.
    """

    def __init__(
        self,
        link: Link,
        state: State,
        terminals: Terminals,
        leases: LeaseTable,
        notices: Notices,
        liveness: Liveness,
        left: Callable[[LocalAgent, WhyLeft], None] = lambda _agent, _why: None,
    ) -> None:
        self._link = link
        self._state = state
        self._terminals = terminals
        self._leases = leases
        self._notices = notices
        self._liveness = liveness
        self._left = left
        self._running: set[asyncio.Task[None]] = set()
        self._restoring: asyncio.Task[None] | None = None

    async def terminal_of(self, call: HookCall) -> Terminal | None:
        """Return the terminal that a call of the hook program comes from; None when it comes from none."""
        said = call.facts.get("CLAUDE_PID", "")
        found = await asyncio.to_thread(terminal_of, call.peer_pid, int(said) if said.isdecimal() else None)
        if found is None:
            return None
        if self._restoring is not None:
            await asyncio.wait([self._restoring], timeout=RESTORE_SECONDS)
        key = TerminalKey(found.pid, found.started)
        terminal = self._known(key) or self._here(key, await asyncio.to_thread(home_of, key))
        if call.event == HEADERS:
            # A helper of the MCP connection knows less of its terminal than a hook does.
            terminal.facts = {**call.facts, **terminal.facts}
        else:
            await asyncio.to_thread(settle, terminal, call.facts)
            terminal.facts = call.facts
        return terminal

    def returned(self, key: str) -> Terminal | None:
        """Return the terminal of a living process that is not known (any more), as after a restart of ours."""
        pid, _, started = key.partition("-")
        try:
            known = TerminalKey(int(pid), started)
            lives = is_alive(known.pid, started)
        except ValueError:
            return None
        if not lives:
            return None
        return self._known(known) or self._here(known, home_of(known))

    def joined(self, agent: LocalAgent) -> None:
        """Look after what an agent holds that joined; one whose terminal ended meanwhile leaves again."""
        if agent in self._terminals.agents(agent.session):
            self.behind(self._leave_former(agent))
            self.behind(self._leases.adopt(agent, [agent.checkout]))
        else:
            self.behind(self._leave(agent, ENDED))

    def restore(self) -> None:
        """Go on with the terminals of before a restart; those that ended meanwhile leave first, to free their names."""
        living: list[Terminal] = []
        ended: list[LocalAgent] = []
        for known in self._state.terminals():
            if is_alive(known.key.pid, known.key.started):
                terminal = self._known(known.key) or self._here(known.key, home_of(known.key))
                terminal.claude_session = terminal.claude_session or known.claude_sessions[-1]
                terminal.heard.set()
                living.append(terminal)
            else:
                self._state.forget_terminal(known.key)
                ended += self._state.agents(known.key, self._link.user or NOBODY)
        self._restoring = self.behind(self._end_all(ended))
        self.behind(self._rejoin_all(self._restoring, living))

    def learn(self, terminal: Terminal, claude_session: str, *, begins: bool = False) -> None:
        """Take note of the conversation of a terminal, which keeps its names when it goes on elsewhere.

        Where it only `begins`, and nothing was done yet, a name that its connection was given gives way.
        """
        if begins and not terminal.heard.is_set():
            terminal.had = self._state.names_in_claude_session(claude_session)
        terminal.heard.set()
        if claude_session == terminal.claude_session:
            return
        terminal.claude_session = claude_session
        self._state.keep_terminal(terminal.key, claude_session)
        for agent in terminal.agents.values():
            if agent.session not in terminal.had:
                self._state.keep_name(agent, claude_session)

    def rests(self, terminal: Terminal) -> None:
        """Take note that a terminal's turn is over: what it left clean is given back soon."""
        terminal.working.discard(None)
        self._leases.look_soon()

    async def subagent_ended(self, terminal: Terminal, subagent: str) -> None:
        """Let a subagent's agents leave, and hand what they held to the terminal's; waited for as in `left`."""
        terminal.working.discard(subagent)
        ending = self.behind(self._end_subagent(terminal, subagent))
        await asyncio.wait([ending], timeout=HAND_BACK_SECONDS)

    async def left(self, terminal: Terminal) -> None:
        """Let all agents of a terminal leave that said that it ends; waited for as long as its hook may take."""
        self._liveness.unwatch(terminal.key)
        leaving = self.behind(self._leave_all(self._gone(terminal.key), LEFT))
        await asyncio.wait([leaving], timeout=HAND_BACK_SECONDS)

    async def close(self) -> None:
        """Wait for what goes on behind."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def leave_to(self, agent: LocalAgent, heir: LocalAgent | None) -> None:
        """Let an agent leave, and another one of its terminal have what it held because it edited."""
        try:
            if heir is not None:
                for checkout, path in self._leases.automatic(agent):
                    await self._leases.hand_over(agent, heir, checkout, path)
        finally:
            await self._leave(agent, LEFT)

    def behind(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside what is going on, and log it if it fails."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _here(self, key: TerminalKey, home: Path) -> Terminal:
        terminal = self._known(key) or self._terminals.add(key, home)
        self._liveness.watch(key, self._ended)
        return terminal

    def _known(self, key: TerminalKey) -> Terminal | None:
        """Return what is known of a process, whose start may read otherwise since the machine's clock was set."""
        start = float(key.started)
        return self._terminals.find(str(key)) or next(
            (
                one
                for one in self._terminals
                if one.key.pid == key.pid and abs(float(one.key.started) - start) < SAME_START_SECONDS
            ),
            None,
        )

    async def _rejoin_all(self, before: asyncio.Task[None], terminals: Sequence[Terminal]) -> None:
        await asyncio.wait([before])
        self._restoring = None
        await asyncio.gather(*(self._rejoin(terminal) for terminal in terminals))

    async def _rejoin(self, terminal: Terminal) -> None:
        with suppress(ServiceAway, ClientError):
            await self._terminals.agent(terminal, terminal.home)
        # Where it worked in other sessions is not known, but what it holds there is its own still.
        for agent in self._state.agents(terminal.key, self._link.user or NOBODY):
            here = self._terminals.find(str(terminal.key)) is terminal
            if here and terminal.agents.setdefault((agent.session, None), agent) is agent:
                self.joined(agent)

    async def _end_all(self, agents: Sequence[LocalAgent]) -> None:
        """Let agents leave that ended while nobody looked, and the subagents that they had."""
        found = await asyncio.gather(*(self._with_subagents(agent) for agent in agents))
        await self._leave_all([one for some in found for one in some], ENDED)

    async def _with_subagents(self, agent: LocalAgent) -> list[LocalAgent]:
        def look(client: ServiceClient) -> list[str]:
            return [one.agent_id for one in client.status(agent.session).agents]

        if self._is_taken(agent):
            return []
        there: list[str] = []
        with suppress(ServiceAway, ClientError):
            there = await self._link.call(look, seconds=LOOK_SECONDS)
        names = [one.partition("/")[2] for one in there if one.startswith(f"{agent.id}.")]
        return [
            *(
                LocalAgent(agent.session, agent.user, name, agent.terminal, name, agent.name)
                for name in names
            ),
            agent,
        ]

    def _ended(self, key: TerminalKey) -> None:
        self.behind(self._leave_all(self._gone(key), ENDED))

    def _gone(self, key: TerminalKey) -> list[LocalAgent]:
        """Forget a terminal, and return the agents that it was."""
        agents = self._terminals.gone(key)
        self._state.forget_terminal(key)
        return agents

    async def _leave_all(self, agents: Sequence[LocalAgent], why: WhyLeft) -> None:
        # Subagents first: a terminal's own agent is the last to go.
        for own in (False, True):
            some = [agent for agent in agents if (agent.subagent is None) is own]
            await asyncio.gather(*(self._leave(agent, why) for agent in some))

    async def _end_subagent(self, terminal: Terminal, subagent: str) -> None:
        # One that is about to join is waited for, or it would stay.
        async with terminal.joining:
            agents = [one for one in terminal.agents.values() if one.subagent == subagent]
            for agent in agents:
                self._terminals.leave(agent)
            terminal.subagents.pop(subagent, None)
            terminal.acted.pop(subagent, None)
            for call in [call for call, whose in terminal.calls.items() if whose == subagent]:
                del terminal.calls[call]
        await asyncio.gather(
            *(self.leave_to(agent, terminal.agents.get((agent.session, None))) for agent in agents)
        )

    async def _leave_former(self, agent: LocalAgent) -> None:
        """Let the agent leave that a terminal was before it got the name of its conversation."""
        terminal = self._terminals.of(agent)
        former = None if terminal is None else terminal.former.pop(agent.session, None)
        if former is not None:
            await self._leave(former, LEFT)

    async def _leave(self, agent: LocalAgent, why: WhyLeft) -> None:
        self._notices.forget(agent)
        if self._is_taken(agent):
            return
        await self._leases.leave(agent, why)
        _log.info("agent_left", agent=agent.id, session=agent.session, why=why)
        self._left(agent, why)

    def _is_taken(self, agent: LocalAgent) -> bool:
        """Whether somebody is here under an agent's name, as when a conversation was resumed in another terminal."""
        return any(one.id == agent.id for one in self._terminals.agents(agent.session))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("daemon_work_failed", exc_info=error)
