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
from coordination.daemon.frames import HookCall
from coordination.daemon.lease_table import LeaseTable
from coordination.daemon.link import Link, ServiceAway
from coordination.daemon.liveness import Liveness
from coordination.daemon.local_agent import LocalAgent, TerminalKey
from coordination.daemon.notices import Notices
from coordination.daemon.terminals import Terminal, Terminals
from coordination.repository.terminal import terminal_of

LEFT: Final = "left"
ENDED: Final = "ended"
HAND_BACK_SECONDS: Final = 1.0
PRESENT_SECONDS: Final = 40.0
"""How often an agent says that it is here: after two minutes without a word its name counts as free."""


class Membership:
    """Knows when terminals come and go.

    Args:
        link: the service.
        terminals: who works here.
        leases: what they hold.
        notices: what they are to be told.
        liveness: tells when a process is gone.
    """

    def __init__(
        self, link: Link, terminals: Terminals, leases: LeaseTable, notices: Notices, liveness: Liveness
    ) -> None:
        self._link = link
        self._terminals = terminals
        self._leases = leases
        self._notices = notices
        self._liveness = liveness
        self._running: set[asyncio.Task[None]] = set()

    async def terminal_of(self, call: HookCall) -> Terminal | None:
        """Return the terminal that a call of the hook program comes from; None when it comes from none."""
        found = await asyncio.to_thread(terminal_of, call.peer_pid)
        if found is None:
            return None
        key = TerminalKey(found.pid, found.started)
        terminal = self._terminals.find(str(key))
        if terminal is None:
            terminal = self._terminals.terminal(key)
            self._liveness.watch(key, self._ended)
        if call.facts:
            terminal.facts = call.facts
        return terminal

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

    def _ended(self, key: TerminalKey) -> None:
        for leaving in self._leaving(key, ENDED):
            self._behind(leaving)

    def _leaving(self, key: TerminalKey, why: str) -> list[Coroutine[Any, Any, None]]:
        agents = self._terminals.gone(key)
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
