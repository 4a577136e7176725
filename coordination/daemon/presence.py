"""Who is here says so, now and then, however quiet it is: a terminal that lives is not taken for one that is gone.

After two minutes without a word an agent's name counts as free at the service. One that left is here no more.
"""

import asyncio
from contextlib import suppress
from typing import Final

from coordination.client.errors import ClientError
from coordination.client.service import ServiceClient
from coordination.daemon.connection import LinkState, ServiceAway
from coordination.daemon.lease_table import LeaseTable
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent
from coordination.daemon.terminals import Terminals
from coordination.domain.agent import WhyLeft

EVERY_SECONDS: Final = 40.0
CALL_SECONDS: Final = 5.0
AT_ONCE: Final = 4
_ENDED: Final[WhyLeft] = "ended"


class Presence:
    """Says who is here.

    Args:
        link: the service.
        terminals: who works here.
        leases: what they hold.
    """

    def __init__(self, link: Link, terminals: Terminals, leases: LeaseTable) -> None:
        self._link = link
        self._terminals = terminals
        self._leases = leases
        self._soon = asyncio.Event()

    def soon(self) -> None:
        """Say it now: the service may have begun anew, and know nobody."""
        self._soon.set()

    async def keep(self) -> None:
        """Say it for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._soon.wait()
            self._soon.clear()
            await self.say()

    async def say(self) -> None:
        """Say it once, for a few agents at a time; for none any more as soon as nobody answers."""
        room = asyncio.Semaphore(AT_ONCE)

        async def of(agent: LocalAgent) -> None:
            async with room:
                if self._link.state is LinkState.REACHABLE and self._is_here(agent):
                    await self._say_of(agent)

        await asyncio.gather(*(of(agent) for agent in self._terminals.agents()))

    async def _say_of(self, agent: LocalAgent) -> None:
        def work(client: ServiceClient) -> None:
            acting = client.acting(
                agent.session, agent.id, checkout=agent.checkout, terminal=str(agent.terminal)
            )
            acting.heartbeat()

        with suppress(ServiceAway, ClientError):
            await self._link.call(work, seconds=CALL_SECONDS)
        if agent.id not in {one.id for one in self._terminals.agents(agent.session)}:
            # It left while this was said, and joined again by it.
            await self._leases.leave(agent, _ENDED)

    def _is_here(self, agent: LocalAgent) -> bool:
        return agent in self._terminals.agents(agent.session)
