"""Joining a session: as an agent that has its name, or under the first name that is free.

That a name is free is decided by the service, in one step, because another machine may ask for it at the same instant.
Terminals of this machine that come at once do not even try for the same one.
"""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import chain
from typing import Final

from coordination.client.errors import RequestRefused
from coordination.client.service import ServiceClient
from coordination.daemon.link import Link
from coordination.daemon.local_agent import LocalAgent
from coordination.domain.agent_name import as_part, terminal_names

CALL_SECONDS: Final = 1.0
"""How long one question may take; after that the service counts as away, so that the next edit need not wait."""
NOBODY: Final = "me"
"""Who works where neither the machine nor the service says."""
NAME_TAKEN: Final = "name_taken"
"""The code of the refusal when another terminal has a name."""


class Joining:
    """Lets agents join.

    Args:
        link: the service.
        taken: the names that agents of this machine have in a session.
    """

    def __init__(self, link: Link, taken: Callable[[str], set[str]]) -> None:
        self._link = link
        self._taken = taken
        self._tried: set[tuple[str, str]] = set()

    async def user(self) -> str:
        """Return whose agents are here, after a look at the service if need be.

        Raises:
            ServiceAway: no service was found yet.
        """
        if self._link.user is None:
            await self._link.call(ServiceClient.health, seconds=CALL_SECONDS)
        return as_part(self._link.user or "", NOBODY)

    async def enter(self, agent: LocalAgent, *, only_if_free: bool = False) -> None:
        """Say that an agent is in its session and checkout.

        Raises:
            ServiceAway: nobody answers.
            RequestRefused: it may not be; `checkout_taken` names the session to which the checkout belongs.
        """

        def join(client: ServiceClient) -> None:
            acting = client.acting(
                agent.session, agent.id, checkout=agent.checkout, terminal=str(agent.terminal)
            )
            acting.heartbeat(only_if_free=only_if_free)

        await self._link.call(join, seconds=CALL_SECONDS)

    @asynccontextmanager
    async def named(
        self, agent: LocalAgent, had: str | None, names: Iterable[str] | None = None
    ) -> AsyncGenerator[LocalAgent]:
        """Join under the first name that is free, which nobody else here tries for until the block ends.

        Args:
            agent: who joins, whatever its name.
            had: the name that it had, which is tried first.
            names: those to try then; None for those of terminals.

        Raises:
            ServiceAway: nobody answers.
            RequestRefused: it may not join, or no name is free.
        """
        refused: set[str] = set()
        for name in chain([] if had is None else [had], names or terminal_names()):
            at = (agent.session, name)
            if at in self._tried or name in refused or name in self._taken(agent.session):
                continue
            self._tried.add(at)
            try:
                joined = replace(agent, name=name)
                if await self._is_free(joined):
                    yield joined
                    return
            finally:
                self._tried.discard(at)
            # One question for all the names, rather than one for each that is taken too.
            refused = refused | {name} if refused else {name, *await self._names(agent)}
        raise RequestRefused(
            f"No name is free for another terminal in the session {agent.session}.",
            next_call="COORD_AGENT=another_name claude",
            code=NAME_TAKEN,
        )

    async def _is_free(self, agent: LocalAgent) -> bool:
        """Join unless another terminal has the name."""
        try:
            await self.enter(agent, only_if_free=True)
        except RequestRefused as refusal:
            if refusal.code != NAME_TAKEN:
                raise
            return False
        return True

    async def _names(self, agent: LocalAgent) -> set[str]:
        """Return the names of a person's agents in a session, as far as they are there."""

        def look(client: ServiceClient) -> set[str]:
            status = client.status(agent.session)
            mine = f"{agent.user}/"
            return {one.agent_id.removeprefix(mine) for one in status.agents if one.agent_id.startswith(mine)}

        return await self._link.call(look, seconds=CALL_SECONDS)
