"""Coming and going: which terminal a hook is of, and what becomes of agents whose terminal or subagent has ended.

A terminal is here as long as its process is; nobody takes quietness for death. When the process is gone, or said that
it ends, its agents leave: what they held is free at once. A subagent that ended leaves what it wrote to the terminal
that it worked for, because that work is not committed yet.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final

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
from coordination.daemon.terminals import NOBODY, Terminal, Terminals
from coordination.domain.agent import WhyLeft
from coordination.repository.checkout import find_top_level
from coordination.repository.terminal import is_alive, terminal_of, working_folder

LEFT: Final[WhyLeft] = "left"
ENDED: Final[WhyLeft] = "ended"
HAND_BACK_SECONDS: Final = 1.0
PRESENT_SECONDS: Final = 40.0
"""How often an agent says that it is here: after two minutes without a word its name counts as free."""


class Membership:
    """Knows when terminals come and go.

    Args:
        link: the service.
        state: what is known of before a restart.
        terminals: who works here.
        leases: what they hold.
        notices: what they are to be told.
        liveness: tells when a process is gone.
    """

    def __init__(
        self,
        link: Link,
        state: State,
        terminals: Terminals,
        leases: LeaseTable,
        notices: Notices,
        liveness: Liveness,
    ) -> None:
        self._link = link
        self._state = state
        self._terminals = terminals
        self._leases = leases
        self._notices = notices
        self._liveness = liveness
        self._running: set[asyncio.Task[None]] = set()

    async def terminal_of(self, call: HookCall) -> Terminal | None:
        """Return the terminal that a call of the hook program comes from; None when it comes from none."""
        said = call.facts.get("CLAUDE_PID", "")
        found = await asyncio.to_thread(terminal_of, call.peer_pid, int(said) if said.isdecimal() else None)
        if found is None:
            return None
        terminal = self._here(TerminalKey(found.pid, found.started))
        # A helper of the MCP connection knows less of its terminal than a hook does.
        terminal.facts = {**terminal.facts, **call.facts}
        return terminal

    def returned(self, key: str) -> Terminal | None:
        """Return the terminal of a living process that is not known (any more), as after a restart of ours."""
        pid, _, started = key.partition("-")
        if not pid.isdecimal() or not started or not is_alive(int(pid), started):
            return None
        return self._here(TerminalKey(int(pid), started))

    def joined(self, agent: LocalAgent) -> None:
        """Look after what an agent holds that joined."""
        self._behind(self._leases.adopt(agent, [agent.checkout]))

    def restore(self) -> None:
        """Go on with the terminals of before a restart; those that ended meanwhile leave."""
        for known in self._state.terminals():
            if is_alive(known.key.pid, known.key.started):
                terminal = self._here(known.key)
                terminal.claude_session = known.claude_sessions[-1]
                self._behind(self._rejoin(terminal))
            else:
                self._state.forget_terminal(known.key)
                for agent in self._state.agents(known.key, self._link.user or NOBODY):
                    self._behind(self._leases.leave(agent, ENDED))

    def learn(self, terminal: Terminal, claude_session: str) -> None:
        """Take note of the conversation of a terminal."""
        if claude_session != terminal.claude_session:
            terminal.claude_session = claude_session
            self._state.keep_terminal(terminal.key, claude_session)

    async def subagent_ended(self, terminal: Terminal, subagent: str) -> None:
        """Let the agents that a subagent was leave; what they held goes to the terminal's own agents.

        It is waited for, so that the terminal finds its files free; for a while, because a hook waits too.
        """
        leaving: list[asyncio.Task[None]] = []
        for agent in [one for one in terminal.agents.values() if one.subagent == subagent]:
            parent = terminal.agents.get((agent.session, None))
            self._terminals.leave(agent)
            self._notices.forget(agent)
            leaving.append(self._behind(self._leave_to(agent, parent)))
        if leaving:
            await asyncio.wait(leaving, timeout=HAND_BACK_SECONDS)

    async def left(self, terminal: Terminal) -> None:
        """Let all agents of a terminal leave that said that it ends."""
        self._liveness.unwatch(terminal.key)
        await asyncio.gather(*self._leaving(terminal.key, LEFT))

    async def keep_present(self) -> None:
        """Say of each agent that it is here, now and then, for ever: of a terminal that lives, however quiet it is."""
        while True:
            await asyncio.sleep(PRESENT_SECONDS)
            for agent in self._terminals.agents():
                with suppress(ServiceAway, ClientError):
                    await self._link.call(partial(_be_present, agent), seconds=PRESENT_SECONDS)

    async def close(self) -> None:
        """Wait for what goes on behind."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _here(self, key: TerminalKey) -> Terminal:
        terminal = self._terminals.find(str(key))
        if terminal is None:
            folder = working_folder(key.pid)
            terminal = self._terminals.add(key, find_top_level(folder) or folder)
            self._liveness.watch(key, self._ended)
        return terminal

    async def _rejoin(self, terminal: Terminal) -> None:
        with suppress(ServiceAway, ClientError):
            await self._terminals.agent(terminal, terminal.home)

    def _ended(self, key: TerminalKey) -> None:
        for leaving in self._leaving(key, ENDED):
            self._behind(leaving)

    def _leaving(self, key: TerminalKey, why: WhyLeft) -> list[Coroutine[Any, Any, None]]:
        agents = self._terminals.gone(key)
        self._state.forget_terminal(key)
        for agent in agents:
            self._notices.forget(agent)
        # Subagents first: a terminal's own agent is the last to go.
        return [
            self._leases.leave(agent, why) for agent in sorted(agents, key=lambda one: one.subagent is None)
        ]

    async def _leave_to(self, agent: LocalAgent, parent: LocalAgent | None) -> None:
        if parent is not None:
            for checkout, path in self._leases.automatic(agent):
                await self._leases.hand_over(agent, parent, checkout, path)
        await self._leases.leave(agent, LEFT)

    def _behind(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


def _be_present(agent: LocalAgent, client: ServiceClient) -> None:
    acting = client.acting(agent.session, agent.id, checkout=agent.checkout, terminal=str(agent.terminal))
    acting.heartbeat()
